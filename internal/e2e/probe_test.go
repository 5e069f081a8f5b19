//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
	"github.com/foundation-runtime/foundation/strategies"
)

// soon bounds what takes a moment on an idle machine; these tests may run on a busy one.
const soon = 30 * time.Second

// probe is a strategy in a process of its own.
type probe struct {
	*netns.Process
	t    *testing.T
	name string
	read int // lines looked at
}

// update is a line that a probe printed.
type update struct {
	Time  time.Time
	Peers []strategies.Peer
	Err   string
	End   bool
}

// String is "[name@host:port …]", the error, or "end".
func (u update) String() string {
	switch {
	case u.End:
		return "end"
	case u.Err != "":
		return u.Err
	}
	return fmt.Sprint(u.Peers)
}

func (u update) isSet() bool { return u.Err == "" && !u.End }

// watch runs the strategy kind on h. If port is not 0, it announces name@(address of h):port.
func watch(t *testing.T, h *netns.Host, kind string, config any, name string, port int) *probe {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{kind}
	if port != 0 {
		args = []string{"-announce", name + "@" + h.Addr(port), kind}
	}
	return &probe{Process: h.StartWith(bytes.NewReader(text), probePath, args...), t: t, name: name}
}

// until waits for the set want, or for an error that contains it, and returns that line and those before.
func (p *probe) until(want string) (found update, before []update) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), soon)
	defer cancel()
	for {
		u, err := p.next(ctx)
		if err != nil {
			p.t.Fatalf("%s never printed %s, but %v: %v", p.name, want, before, err)
		}
		if s := u.String(); s == want || (!u.isSet() && strings.Contains(s, want)) {
			return u, before
		}
		before = append(before, u)
	}
}

func (p *probe) next(ctx context.Context) (u update, err error) {
	text, err := p.Out.Next(ctx, p.read)
	if err != nil {
		return u, err
	}
	p.read++
	if err := json.Unmarshal([]byte(text), &u); err != nil {
		return u, fmt.Errorf("%q is no line of a probe: %w", text, err)
	}
	return u, nil
}

// only checks that p printed no other sets than these, apart from those before its first of them. Without sets: none.
func (p *probe) only(sets ...string) {
	p.t.Helper()
	settled := len(sets) == 0
	for i := range p.Out.Len() {
		var u update
		if text, err := p.Out.Next(p.t.Context(), i); err != nil || json.Unmarshal([]byte(text), &u) != nil {
			p.t.Fatalf("line %d of %s: %q, %v", i, p.name, text, err)
		}
		good := slices.Contains(sets, u.String())
		settled = settled || good
		if settled && u.isSet() && !good {
			p.t.Errorf("%s reported %v, want nothing but %v", p.name, u, sets)
		}
	}
}

// leave stops p, and checks that the strategy ended in order.
func (p *probe) leave() {
	p.t.Helper()
	p.Stop()
	p.until("end")
}

// eventually tries until it works.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	var last error
	for deadline, tick := time.After(soon), time.NewTicker(50*time.Millisecond); ; {
		err := try()
		if err == nil {
			tick.Stop()
			return
		}
		if !errors.Is(err, context.Canceled) {
			last = err
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: %v", what, last)
		}
	}
}
