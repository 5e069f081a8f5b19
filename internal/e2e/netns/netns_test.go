//go:build e2e && linux

package netns

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// mine lists the namespaces of this process.
func mine(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(directory)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if o, ours := parseName(e.Name()); ours && o.pid == os.Getpid() {
			names = append(names, e.Name())
		}
	}
	return names
}

func needs(t *testing.T) {
	t.Helper()
	if missing := Missing(); missing != "" {
		t.Skip(missing)
	}
}

// line waits for line i of a log.
func line(t *testing.T, l *Log, i int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := l.Next(ctx, i)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestMain makes this program an echo of datagrams, or one that sends and waits for the echo, if told so.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "echo" {
		echo(os.Args[2])
	}
	if len(os.Args) == 4 && os.Args[1] == "ask" {
		ask(os.Args[2], os.Args[3])
	}
	os.Exit(m.Run())
}

func echo(addr string) {
	c, err := net.ListenPacket("udp4", addr)
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString("listening\n")
	buffer := make([]byte, 100)
	for {
		n, from, err := c.ReadFrom(buffer)
		if err != nil {
			panic(err)
		}
		os.Stdout.WriteString(string(buffer[:n]) + "\n")
		if _, err := c.WriteTo(buffer[:n], from); err != nil {
			panic(err)
		}
	}
}

// ask sends word, and prints what comes back, or what the system says, or "silence".
func ask(addr, word string) {
	answer := "silence"
	c, err := net.Dial("udp4", addr)
	if err != nil {
		answer = err.Error()
	} else {
		buffer := make([]byte, 100)
		for range 5 { // the first datagram may be lost while the address is being resolved
			c.SetDeadline(time.Now().Add(100 * time.Millisecond))
			if _, err := c.Write([]byte(word)); err != nil {
				answer = err.Error()
				break
			}
			if n, err := c.Read(buffer); err == nil {
				answer = string(buffer[:n])
				break
			}
		}
	}
	os.Stdout.WriteString(answer + "\n")
	os.Exit(0)
}

func TestFaults(t *testing.T) {
	n := New(t)
	a, b, c := n.Host("a"), n.Host("b"), n.Host("c")
	server := b.Start(os.Args[0], "echo", b.Addr(7))
	line(t, server.Out, 0)
	round, lost := 0, map[string]string{}
	// check has from send a word of its own to b. Words may be sent several times.
	check := func(what string, from *Host, want string, arrives bool) {
		t.Helper()
		round++
		word, i := fmt.Sprintf("hello %d", round), server.Out.Len()
		if got := line(t, from.Start(os.Args[0], "ask", b.Addr(7), word).Out, 0); !strings.Contains(got, want) {
			t.Errorf("%s: %s got %q, want %q", what, from.Name(), got, want)
		}
		if !arrives {
			lost[word] = what
			return
		}
		for line(t, server.Out, i) != word {
			i++
		}
	}
	check("whole", a, "hello", true)
	check("whole", c, "hello", true)
	a.Block(b)
	check("a does not reach b", a, "silence", false)
	check("a does not reach b", c, "hello", true)
	a.Unblock(b)
	check("whole again", a, "hello", true)
	b.Block(a)
	check("b does not reach a", a, "silence", true)
	b.Unblock(a)
	Cut([]*Host{a}, []*Host{b, c})
	check("cut", a, "silence", false)
	check("cut", c, "hello", true)
	Heal([]*Host{a}, []*Host{b, c})
	check("healed", a, "hello", true)
	a.LinkDown()
	check("unplugged", a, "unreachable", false)
	a.LinkUp()
	check("plugged in", a, "hello", true)
	for i := range server.Out.Len() {
		if what, found := lost[line(t, server.Out, i)]; found {
			t.Errorf("%s: b heard it", what)
		}
	}
}

// TestHostsReachNothingElse: there is no way from a host to this machine's network.
func TestHostsReachNothingElse(t *testing.T) {
	before := devices(t)
	a := New(t).Host("a")
	if got := devices(t); !slices.Equal(got, before) {
		t.Errorf("devices of this machine were %v, are %v", before, got)
	}
	if got := line(t, a.Start(os.Args[0], "ask", "192.0.2.1:9", "hello").Out, 0); !strings.Contains(got, "unreachable") {
		t.Errorf("asking the world: %q", got)
	}
}

func devices(t *testing.T) (names []string) {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}

// TestEverythingIsRemoved: also what runs when a test ends, and programs that were not started by Start.
func TestEverythingIsRemoved(t *testing.T) {
	needs(t)
	var left *Process
	t.Run("inner", func(t *testing.T) {
		h := New(t).Host("a")
		left = h.Start("sleep", "1000")
		stray := exec.Command("ip", "netns", "exec", h.space, "sleep", "1000")
		if err := stray.Start(); err != nil {
			t.Fatal(err)
		}
		go stray.Wait()
		if len(mine(t)) != 2 {
			t.Errorf("namespaces: %v", mine(t))
		}
	})
	if got := mine(t); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	select {
	case <-left.Done():
	default:
		t.Error("a program outlived its test")
	}
}

// TestLeftoversAreSwept: those of a process that is gone, with what runs there; not those of one that lives.
func TestLeftoversAreSwept(t *testing.T) {
	needs(t)
	self, err := ownerOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	dead, alive := owner{self.pid, self.started - 1}.name(9, "dead"), self.name(1_000_000, "alive")
	for _, name := range []string{dead, alive} {
		if err := ip("netns", "add", name); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { remove(name) })
	}
	stray := exec.Command("ip", "netns", "exec", dead, "sleep", "1000")
	if err := stray.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stray.Wait() }()
	for pids := []int(nil); len(pids) == 0; pause() {
		if pids, err = processes(dead); err != nil {
			t.Fatal(err)
		}
	}
	New(t)
	if got := mine(t); slices.Contains(got, dead) || !slices.Contains(got, alive) {
		t.Errorf("after a new network there are %v", got)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("a program in a swept namespace still runs")
	}
}

const crash = "FOUNDATION_TEST_NETNS_CRASH"

// TestHelperCrash is a test that hangs until it is killed, for TestCrashedRun.
func TestHelperCrash(t *testing.T) {
	if os.Getenv(crash) == "" {
		t.Skip("started by TestCrashedRun")
	}
	p := New(t).Host("a").Start("sleep", "1000")
	fmt.Printf("\nchild %d\n", p.cmd.Process.Pid)
	<-p.Done()
}

// TestCrashedRun: of a run that is killed the programs die at once, and the namespaces are removed by the next.
func TestCrashedRun(t *testing.T) {
	needs(t)
	out := newLog()
	run := exec.Command(os.Args[0], "-test.run=^TestHelperCrash$")
	run.Env, run.Stdout = append(os.Environ(), crash+"=1"), out
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Process.Kill(); run.Wait() })
	child := 0
	for i := 0; child == 0; i++ {
		fmt.Sscanf(line(t, out, i), "child %d", &child)
	}
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	run.Wait()
	for deadline := time.Now().Add(10 * time.Second); running(child); pause() {
		if time.Now().After(deadline) {
			t.Fatalf("the program %d of a killed run still runs", child)
		}
	}
	New(t)
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if o, ours := parseName(e.Name()); ours && o.pid == run.Process.Pid {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

// running reports whether a process is there and not just waiting to be collected.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}
