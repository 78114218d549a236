package imdstest

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"
)

const tokenPath = "/latest/api/token"

// tokenRule says how a cloud's session tokens are asked for and sent.
type tokenRule struct {
	ttlHeader, header string
	// optional lets requests go without one, unless the server is hardened.
	optional bool
}

func tokenRules() map[string]tokenRule {
	return map[string]tokenRule{
		"aws":     {ttlHeader: "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", header: "X-Aws-Ec2-Metadata-Token"},
		"alibaba": {ttlHeader: "X-Aliyun-Ecs-Metadata-Token-Ttl-Seconds", header: "X-Aliyun-Ecs-Metadata-Token", optional: true},
	}
}

// datedTokenPath is where neither service has tokens: only below "latest".
var datedTokenPath = regexp.MustCompile(`^/\d{4}-\d\d-\d\d/api/token$`)

// tokens are those handed out and still good.
type tokens struct {
	mu     sync.Mutex
	issued int
	until  map[string]time.Time
}

// check answers what concerns tokens; ok says that the request may go on.
func (t *tokens) check(rule tokenRule, hardened bool, r *http.Request) (answer Answer, ok bool) {
	switch {
	case datedTokenPath.MatchString(r.URL.Path):
		return status(http.StatusForbidden), false
	case r.URL.Path == tokenPath && r.Method == http.MethodPut:
		return t.issue(rule, r), false
	case r.URL.Path == tokenPath:
		return status(http.StatusMethodNotAllowed), false
	}
	token := r.Header.Get(rule.header)
	switch {
	case token == "" && rule.optional && !hardened:
		return Answer{}, true
	case token == "" && rule.optional:
		return status(http.StatusForbidden), false
	case !t.good(token):
		return status(http.StatusUnauthorized), false
	}
	return Answer{}, true
}

func (t *tokens) issue(rule tokenRule, r *http.Request) Answer {
	ttl, err := strconv.Atoi(r.Header.Get(rule.ttlHeader))
	if err != nil || ttl < 1 || ttl > 21600 {
		return status(http.StatusBadRequest)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.issued++
	token := fmt.Sprintf("TOKEN-%d==", t.issued)
	if t.until == nil {
		t.until = map[string]time.Time{}
	}
	t.until[token] = time.Now().Add(time.Duration(ttl) * time.Second)
	return Answer{Status: http.StatusOK, Header: http.Header{rule.ttlHeader: {strconv.Itoa(ttl)}}, Body: []byte(token)}
}

func (t *tokens) good(token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Now().Before(t.until[token])
}

// revoke makes all tokens bad, as a move to another host does.
func (t *tokens) revoke() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.until)
}
