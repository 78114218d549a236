package faulttest

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const apiAddress = "127.0.0.1:5209"

// client asks the API of a host from within, each time on a new connection.
func (h *host) client(t *testing.T) *http.Client {
	t.Helper()
	dial := func(context.Context, string, string) (conn net.Conn, err error) {
		h.Do(t, func() { conn, err = net.Dial("tcp", apiAddress) })
		return conn, err
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: patience}
}

func status(client *http.Client) (string, error) {
	response, err := client.Get("http://" + apiAddress + "/api/v1/status")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// startAPI starts netbrk api and waits for its first answer.
func (h *host) startAPI(t *testing.T, client *http.Client) (cmd *exec.Cmd, answer string) {
	t.Helper()
	cmd = h.Command("api", "--listen", apiAddress)
	cmd.Stderr = h.appendTo(t, "stderr")
	h.Do(t, func() { require.NoError(t, cmd.Start()) })
	eventually(t, "an answer", func() string {
		var err error
		if answer, err = status(client); err != nil {
			return err.Error()
		}
		return ""
	})
	return cmd, answer
}

// TestKillAPI kills the API while it answers: the next one takes its place at once,
// and tells the same.
func TestKillAPI(t *testing.T) {
	h := newHost(t, "")
	random, kills := chances(t)
	kills = max(10, kills/5)
	h.IPBatch(t, "link add va0 type veth peer name vb0\naddress add 192.0.2.10/24 dev va0\n")
	h.plain(t, "apply-rules")
	before, client := h.documents(t), h.client(t)
	t.Logf("killed: %d", kills)
	answered := 0
	for range kills {
		cmd, first := h.startAPI(t, client)
		assert.True(t, json.Valid([]byte(first)), first)
		began := time.Now()
		_, err := status(client)
		require.NoError(t, err)
		length := time.Since(began)

		broken := make(chan int)
		go func() { // asks until nobody answers
			n := 0
			for {
				answer, err := status(client)
				if err != nil {
					break
				}
				assert.True(t, json.Valid([]byte(answer)), answer)
				n++
			}
			broken <- n
		}()
		<-time.After(time.Duration(random.Int64N(int64(3 * length))))
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		answered += <-broken
	}
	cmd, _ := h.startAPI(t, client)
	assert.NotZero(t, answered)
	assert.Equal(t, before, h.documents(t), "it writes nothing")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	h.noneLeftOver(t)
	assert.NotContains(t, h.read("stderr"), "panic", "in the log")
}
