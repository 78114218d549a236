// Package archtest holds no code. Its test keeps the other packages apart: who
// may import whom, and what the binary may not link at all.
package archtest
