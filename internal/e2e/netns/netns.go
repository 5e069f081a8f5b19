package netns

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	directory = "/run/netns" // where the ip command keeps namespaces
	resolvers = "/etc/netns" // where the ip command looks for a namespace's own resolv.conf
	subnet    = "10.77.0."
	maxHosts  = 253
	bridge    = "bridge" // the namespace and the device in it
)

// nextNetwork numbers the networks of this process.
var nextNetwork atomic.Int64

// Net is a bridge and the hosts at it. Its methods are for one goroutine.
type Net struct {
	t      testing.TB
	owner  owner
	number int64
	hosts  []*Host
}

// Host is a namespace with one address, on its device eth0.
type Host struct {
	net    *Net
	name   string
	space  string // the name of its namespace
	number int
}

// Missing says what this machine lacks for networks of namespaces, or "".
func Missing() string {
	if os.Geteuid() != 0 {
		return "network namespaces need root (sudo make e2e)"
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return "the ip command is missing (make e2e-deps)"
	}
	return ""
}

// New makes a network without hosts, which lasts as long as the test. It skips the test on a machine that cannot.
func New(t testing.TB) *Net {
	t.Helper()
	if missing := Missing(); missing != "" {
		t.Skip(missing)
	}
	self, err := ownerOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	sweep(t)
	n := &Net{t: t, owner: self, number: nextNetwork.Add(1)}
	n.create(n.space(bridge))
	n.ip("-n", n.space(bridge), "link", "add", bridge, "type", "bridge", "mcast_snooping", "0")
	n.ip("-n", n.space(bridge), "link", "set", bridge, "up")
	return n
}

// Host adds a host. Its address is the next free one.
func (n *Net) Host(name string) *Host {
	n.t.Helper()
	h := &Host{net: n, name: name, space: n.space(name), number: len(n.hosts) + 1}
	if h.number > maxHosts {
		n.t.Fatalf("netns: more than %d hosts", maxHosts)
	}
	n.hosts = append(n.hosts, h)
	port := fmt.Sprintf("port%d", h.number)
	n.create(h.space)
	n.ip("link", "add", "name", "eth0", "netns", h.space, "type", "veth", "peer", "name", port, "netns", n.space(bridge))
	n.ip("-n", n.space(bridge), "link", "set", port, "master", bridge, "up")
	n.ip("-n", h.space, "link", "set", "lo", "up")
	n.ip("-n", h.space, "addr", "add", h.IP()+"/24", "dev", "eth0")
	h.LinkUp()
	return h
}

// create makes a namespace and sees to its removal.
func (n *Net) create(name string) {
	n.t.Helper()
	n.ip("netns", "add", name)
	n.t.Cleanup(func() {
		if err := remove(name); err != nil {
			n.t.Error(err)
		}
	})
}

func (n *Net) space(host string) string { return n.owner.name(n.number, host) }

// ip runs the ip command.
func (n *Net) ip(args ...string) {
	n.t.Helper()
	if err := ip(args...); err != nil {
		n.t.Fatal(err)
	}
}

func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Name is that given to [Net.Host].
func (h *Host) Name() string { return h.name }

// IP is the host's address.
func (h *Host) IP() string { return fmt.Sprint(subnet, h.number) }

// Addr is the host's address with a port.
func (h *Host) Addr(port int) string { return fmt.Sprintf("%s:%d", h.IP(), port) }

// nowhere is a hardware address that nobody has.
const nowhere = "02:00:00:00:00:01"

// Block makes the network lose all that h sends to peer, without a word to either. What peer sends still arrives.
//
// Packets leave h for a hardware address that nobody has. A blackhole route would do on this side too, but the kernel
// then tells the sender at once.
func (h *Host) Block(peer *Host) {
	h.net.t.Helper()
	h.net.ip("-n", h.space, "neigh", "replace", peer.IP(), "lladdr", nowhere, "nud", "permanent", "dev", "eth0")
}

// Unblock ends Block.
func (h *Host) Unblock(peer *Host) {
	h.net.t.Helper()
	h.net.ip("-n", h.space, "neigh", "del", peer.IP(), "dev", "eth0")
}

// Cut blocks both ways between every host of one side and every host of the other.
func Cut(one, other []*Host) { each(one, other, (*Host).Block) }

// Heal ends Cut.
func Heal(one, other []*Host) { each(one, other, (*Host).Unblock) }

func each(one, other []*Host, do func(a, b *Host)) {
	for _, a := range one {
		for _, b := range other {
			do(a, b)
			do(b, a)
		}
	}
}

// Reset breaks all TCP connections between h and peer, at h, and returns how many; peer learns of it by a reset.
func (h *Host) Reset(peer *Host) int {
	h.net.t.Helper()
	out, err := exec.Command("ip", "netns", "exec", h.space, "ss", "-H", "-K", "-t", "-o", "state", "established", "dst", peer.IP()).Output()
	if err != nil {
		h.net.t.Fatalf("netns: ss -K: %v: %s", err, out)
	}
	return strings.Count(string(out), "\n")
}

// NameServer makes programs that are started on h from now on ask the name server at addr, and no file of hosts' names.
func (h *Host) NameServer(addr string) {
	h.net.t.Helper()
	dir := filepath.Join(resolvers, h.space)
	err := os.MkdirAll(dir, 0o755)
	for name, text := range map[string]string{"resolv.conf": "nameserver " + addr + "\n", "hosts": "127.0.0.1 localhost\n"} {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
		}
	}
	if err != nil {
		h.net.t.Fatal(err)
	}
}

// LinkDown pulls the plug: programs on h see that the network is gone. Routes through the link are forgotten.
func (h *Host) LinkDown() {
	h.net.t.Helper()
	h.net.ip("-n", h.space, "link", "set", "eth0", "down")
}

// LinkUp puts the plug in. Multicast goes through eth0 too.
func (h *Host) LinkUp() {
	h.net.t.Helper()
	h.net.ip("-n", h.space, "link", "set", "eth0", "up")
	h.net.ip("-n", h.space, "route", "replace", "224.0.0.0/4", "dev", "eth0")
}

// sweep removes what processes left that are gone.
func sweep(t testing.TB) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return // no namespace was ever made here
	}
	for _, e := range entries {
		if o, ours := parseName(e.Name()); ours && o.gone() {
			if err := remove(e.Name()); err != nil {
				t.Log(err)
			} else {
				t.Logf("netns: removed %s, whose process is gone", e.Name())
			}
		}
	}
}

// remove kills what runs in a namespace, then removes it. One that is not there is no error: a run beside this one may
// have swept it.
func remove(name string) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		pids, err := processes(name)
		if err == nil && len(pids) == 0 {
			err = ip("netns", "del", name)
		}
		if _, gone := os.Lstat(directory + "/" + name); os.IsNotExist(gone) {
			err := os.RemoveAll(filepath.Join(resolvers, name))
			_ = os.Remove(resolvers) // unless others are using it
			return err
		}
		if err != nil {
			return err
		}
		for _, pid := range pids {
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill() // it may have ended meanwhile
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("netns: processes %v in %s do not die", pids, name)
		}
		pause()
	}
}

// pause is a moment between two looks at what the kernel does without telling.
func pause() { <-time.After(10 * time.Millisecond) }

// processes in a namespace.
func processes(name string) (pids []int, err error) {
	out, err := exec.Command("ip", "netns", "pids", name).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("ip netns pids %s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	for field := range strings.FieldsSeq(string(out)) {
		var pid int
		if _, err := fmt.Sscan(field, &pid); err != nil {
			return nil, fmt.Errorf("ip netns pids %s: %q is no process", name, field)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
