//go:build e2e

package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
)

// nameServer is dnsmasq, which answers for the domain test from a file of hosts and nothing else.
type nameServer struct {
	*netns.Process
	t     *testing.T
	host  *netns.Host
	hosts string // path of the file
	read  int    // lines of its log
}

func startNameServer(t *testing.T, h *netns.Host, hosts ...string) *nameServer {
	t.Helper()
	if _, err := exec.LookPath("dnsmasq"); err != nil {
		t.Skip("dnsmasq is missing (make e2e-deps)")
	}
	s := &nameServer{t: t, host: h, hosts: filepath.Join(t.TempDir(), "hosts")}
	s.write(hosts)
	return s
}

func (s *nameServer) write(hosts []string) {
	s.t.Helper()
	if err := os.WriteFile(s.hosts, []byte(strings.Join(hosts, "\n")+"\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// start runs the server, with these SRV records ("_service._protocol.name,target,port"). They are part of its command
// line: other records need another start.
func (s *nameServer) start(services ...string) {
	s.t.Helper()
	args := []string{"--keep-in-foreground", "--user=root", "--conf-file=/dev/null", "--pid-file", "--log-facility=-", "--no-resolv",
		"--no-hosts", "--addn-hosts=" + s.hosts, "--local=/test/", "--bind-interfaces", "--listen-address=" + s.host.IP()}
	for _, r := range services {
		args = append(args, "--srv-host="+r)
	}
	s.Process, s.read = s.host.Start("dnsmasq", args...), 0
	s.awaitRead()
}

// awaitRead waits until the server has read the file of hosts once more.
func (s *nameServer) awaitRead() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), soon)
	defer cancel()
	for {
		line, err := s.Err.Next(ctx, s.read)
		if err != nil {
			s.t.Fatalf("dnsmasq: %v", err)
		}
		s.read++
		if strings.Contains(line, "read "+s.hosts) {
			return
		}
	}
}

// change gives the running server other hosts.
func (s *nameServer) change(hosts ...string) {
	s.t.Helper()
	s.write(hosts)
	s.Signal(syscall.SIGHUP)
	s.awaitRead()
}
