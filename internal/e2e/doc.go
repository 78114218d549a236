// Package e2e boots real Debian systems for the end-to-end tests: a root made
// by mmdebstrap and kept between runs, systemd as PID 1 in systemd-nspawn, and
// around it a lab, a network namespace with bridges, DHCP servers and cables.
//
// It must not touch the network or the mounts of the machine that it runs on:
// every link is made inside a lab, every mount inside a private mount namespace,
// and both end with the process, however it ends. It ends no process by name.
// What the kernel does not clear by itself, cgroups, is recorded and swept by
// the next run. It is linked into no program.
//
// Machines, roots and labs know nothing of netbrk. What does is apart from them:
// netbrk.go installs it and reads what hooks log, mode.go runs it as a service;
// disturbance.go takes the policy routing of a multihomed.go apart, and gap.go
// tells by the kernel's own notifications, notice.go and trace.go, for how long.
//
// Environment:
//
//	NETBRK_TEST_E2E=1     a test that cannot run fails, instead of being skipped
//	NETBRK_E2E_SUITES     Debian releases to test on: "bookworm trixie"
//	NETBRK_E2E_CACHE      where the roots are kept: ~/.cache/netbrk-e2e
//	NETBRK_E2E_MIRROR     an archive to make roots from, for mmdebstrap(1); without
//	                      it the machine's own apt sources
package e2e
