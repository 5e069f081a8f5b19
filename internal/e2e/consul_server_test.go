//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
)

// consulServer is a Consul server, alone in its datacenter. The tests talk to it through a socket in the file system,
// which no network namespace is in the way of; strategies through the network.
type consulServer struct {
	*netns.Process
	t      *testing.T
	host   *netns.Host
	dir    string
	client *http.Client
	token  string
}

// consulPath is where make e2e-deps puts the server.
func consulPath(t *testing.T) string {
	t.Helper()
	mod, err := os.ReadFile("../../tools/consul/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := ""
	for line := range strings.Lines(string(mod)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "github.com/hashicorp/consul" {
			version = f[1]
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil || version == "" {
		t.Fatalf("the version of Consul is %q: %v", version, err)
	}
	path := filepath.Join(cache, "foundation-tools", "consul-"+version)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the Consul server is missing (make e2e-deps): %v", err)
	}
	return path
}

// startConsul starts a server with more options than the least, and waits until it leads.
func startConsul(t *testing.T, h *netns.Host, options map[string]any) *consulServer {
	t.Helper()
	s := &consulServer{t: t, host: h, dir: t.TempDir()}
	socket := filepath.Join(s.dir, "http")
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	s.client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	config := map[string]any{"server": true, "bootstrap_expect": 1, "node_name": h.Name(), "bind_addr": h.IP(),
		"data_dir": filepath.Join(s.dir, "data"), "addresses": map[string]any{"http": h.IP() + " unix://" + socket},
		"ports":                map[string]any{"http": 8500, "dns": -1, "grpc": -1, "grpc_tls": -1, "serf_wan": -1},
		"disable_update_check": true, "connect": map[string]any{"enabled": false}, "performance": map[string]any{"raft_multiplier": 1},
		"log_level": "warn"}
	maps.Copy(config, options)
	text, err := json.Marshal(config)
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, "config.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.start()
	return s
}

// start runs the server, for the first time or again with the data it had.
func (s *consulServer) start() {
	s.t.Helper()
	path := consulPath(s.t)
	_ = os.Remove(filepath.Join(s.dir, "http")) // left by one that was killed
	s.Process = s.host.Start(path, "agent", "-config-file="+filepath.Join(s.dir, "config.json"))
	eventually(s.t, "a leader", func() error {
		leader, err := s.ask("GET", "/v1/status/leader", nil)
		if err == nil && len(leader) < len(`"0.0.0.0:0"`) {
			err = fmt.Errorf("no leader: %s", leader)
		}
		return err
	})
}

// ask sends one request.
func (s *consulServer) ask(method, path string, body any) (string, error) {
	var input io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return "", err
		}
		input = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(s.t.Context(), method, "http://consul"+path, input)
	if err != nil {
		return "", err
	}
	request.Header.Set("X-Consul-Token", s.token)
	response, err := s.client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	return string(answer), err
}

// must is ask, where an error fails the test.
func (s *consulServer) must(method, path string, body any) string {
	s.t.Helper()
	answer, err := s.ask(method, path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer
}

// instance is what the catalogue holds of a registered node.
type instance struct {
	Service struct {
		ID, Address string
		Port        int
		Tags        []string
		Meta        map[string]string
	}
	Checks []struct{ CheckID, Status, Type string }
}

// instances of the service foundation, by ID, passing or not.
func (s *consulServer) instances() map[string]instance {
	s.t.Helper()
	var list []instance
	if err := json.Unmarshal([]byte(s.must("GET", "/v1/health/service/foundation", nil)), &list); err != nil {
		s.t.Fatal(err)
	}
	all := map[string]instance{}
	for _, i := range list {
		all[i.Service.ID] = i
	}
	return all
}
