package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const patience = 20 * time.Second

// running is a foundation run in this process.
type running struct {
	t       *testing.T
	name    string
	lines   chan string
	signals chan os.Signal
	status  chan int
	stderr  *strings.Builder // to be read after status
}

func start(t *testing.T, name string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r := &running{t, name, make(chan string, 1000), make(chan os.Signal, 2), make(chan int, 1), &strings.Builder{}}
	in, out := io.Pipe()
	go func() {
		r.status <- program(ctx, append([]string{"run", "-name", name}, args...), surroundings{out, r.stderr, r.signals})
		out.Close()
	}()
	go func() {
		defer close(r.lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			r.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		cancel()
		for range r.lines { // until the program has ended
		}
	})
	return r
}

// until waits for a line that is wanted.
func (r *running) until(what string, wanted func(line string) bool) {
	r.t.Helper()
	var seen []string
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case line, more := <-r.lines:
			if !more {
				r.t.Fatalf("%s ended without %s:\n%s\n%s", r.name, what, strings.Join(seen, "\n"), r.stderr)
			}
			if wanted(line) {
				return
			}
			seen = append(seen, line)
		case <-timer.C:
			r.t.Fatalf("%s: no %s in\n%s", r.name, what, strings.Join(seen, "\n"))
		}
	}
}

// event waits for a line of JSON about a member.
func (r *running) event(kind, name string) (e event) {
	r.t.Helper()
	r.until(kind+" of "+name, func(line string) bool {
		e = event{}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			r.t.Fatalf("%q is not JSON: %v", line, err)
		}
		if e.Time.IsZero() || e.Member == nil || e.Member.Incarnation == "" {
			r.t.Fatalf("%q has no time or member", line)
		}
		return e.Event == kind && e.Member.Name == name
	})
	return e
}

func (r *running) ends(want int) {
	r.t.Helper()
	for range r.lines {
	}
	if got := <-r.status; got != want {
		r.t.Errorf("%s ended with %d, not %d: %s", r.name, got, want, r.stderr)
	}
}

// TestTwoNodes: nodes find each other by a directory, say so, and leave when they are told.
func TestTwoNodes(t *testing.T) {
	dir := t.TempDir()
	ann := start(t, "ann", "-json", "-strategy", "file", "-dir", dir, "-zone", "z1", "-label", "disk=ssd", "-label", "x=")
	joined := ann.event("joined", "ann")
	if len(joined.Members) != 1 || joined.Member.Addr == "" || joined.Member.Labels["disk"] != "ssd" || joined.Member.Zone != "z1" {
		t.Errorf("joined is %+v", joined)
	}
	bob := start(t, "bob", "-json", "-strategy", "file", "-dir", dir)
	if joined = bob.event("joined", "bob"); len(joined.Members) != 2 || joined.Members[0].Name != "ann" || joined.Members[0].Labels["disk"] != "ssd" {
		t.Errorf("bob joined is %+v", joined)
	}
	ann.event("up", "bob")
	bob.signals <- syscall.SIGTERM
	bob.event("left", "bob")
	bob.ends(statusOK)
	if down := ann.event("down", "bob"); !strings.Contains(down.Member.Why, "goodbye") {
		t.Errorf("down is %+v", down.Member)
	}
	ann.signals <- os.Interrupt
	ann.event("left", "ann")
	ann.ends(statusOK)
}

// TestProduction: what keygen makes is what run needs.
func TestProduction(t *testing.T) {
	dir := t.TempDir()
	certs, keys := filepath.Join(dir, "certs"), filepath.Join(dir, "gossip.key")
	if got := call(t, "keygen", "-tls", certs, "-nodes", "ann,bob,cyd"); got.status != statusOK {
		t.Fatalf("%+v", got)
	}
	if err := os.WriteFile(keys, []byte("# made by a test\n"+call(t, "keygen").stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	secure := func(name, cert string, more ...string) *running {
		pem := func(name string) string { return filepath.Join(certs, name+".pem") }
		return start(t, name, append(more, "-profile", "lan", "-listen", "127.0.0.1:0", "-gossip-key-file", keys,
			"-tls-cert", pem(cert), "-tls-key", pem(cert+"-key"), "-tls-ca", pem("ca"))...)
	}
	ann := secure("ann", "ann", "-json", "-strategy", "none")
	addr := ann.event("joined", "ann").Member.Addr
	bob := secure("bob", "bob", "-seed", addr)
	bob.until("joined", func(line string) bool { return strings.HasSuffix(line, ", with ann") })
	ann.event("up", "bob")
	// Whoever shows the certificate of another is refused.
	cyd := secure("cyd", "bob", "-seed", addr)
	cyd.ends(statusFailed)
	if !strings.Contains(cyd.stderr.String(), "cyd") || strings.Contains(cyd.stderr.String(), "usage") {
		t.Errorf("cyd: %s", cyd.stderr)
	}
	ann.signals <- os.Interrupt
	bob.until("down", func(line string) bool { return strings.Contains(line, "down: ann (") })
	ann.ends(statusOK)
	bob.signals <- os.Interrupt
	bob.until("left", func(line string) bool { return strings.HasSuffix(line, "bob has left") })
	bob.ends(statusOK)
}

// TestSecondSignal: a node does not insist on leaving in order.
func TestSecondSignal(t *testing.T) {
	dir := t.TempDir()
	ann := start(t, "ann", "-json", "-strategy", "file", "-dir", dir)
	ann.event("joined", "ann")
	bob := start(t, "bob", "-json", "-strategy", "file", "-dir", dir)
	bob.event("joined", "bob")
	bob.signals <- os.Interrupt
	bob.signals <- os.Interrupt
	bob.ends(statusHurried)
	if !strings.Contains(bob.stderr.String(), "second signal") {
		t.Errorf("bob says %s", bob.stderr)
	}
	ann.signals <- os.Interrupt
	ann.ends(statusOK)
}

// TestNameIsTaken: the second of a name is told so, and that is no mistake in the arguments.
func TestNameIsTaken(t *testing.T) {
	dir := t.TempDir()
	ann := start(t, "ann", "-json", "-strategy", "file", "-dir", dir)
	ann.event("joined", "ann")
	again := start(t, "ann", "-strategy", "file", "-dir", dir)
	again.ends(statusFailed)
	if !strings.Contains(again.stderr.String(), "a live member has this name") {
		t.Errorf("the second says %s", again.stderr)
	}
	ann.event("duplicate name", "ann")
	ann.signals <- os.Interrupt
	ann.ends(statusOK)
}

// TestPrinterKeepsTheFirstError: who reads a pipe may end early.
func TestPrinterKeepsTheFirstError(t *testing.T) {
	in, out := io.Pipe()
	in.CloseWithError(os.ErrClosed)
	p := &printer{w: out, now: time.Now}
	p.note("lost")
	if p.err == nil {
		t.Error("nothing was noticed")
	}
}
