package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseAnswer(t *testing.T) {
	for _, c := range []struct {
		line, want, err string
		protocol        bool
	}{
		{line: "send 92.125", want: "92.125"},
		{line: "ready 25/13.1.5"},
		{line: "error send {timeout,done}", err: "in Erlang: {timeout,done}"},
		{line: "error ask {timeout,done}", err: "unexpected line", protocol: true},
		{line: "send", err: "unexpected line", protocol: true},
		{line: "", err: "unexpected line", protocol: true},
	} {
		name := "send"
		if strings.HasPrefix(c.line, "ready") {
			name, c.want = "ready", "25/13.1.5"
		}
		fields, err := parseAnswer(c.line, name)
		switch {
		case c.err == "" && (err != nil || fields[0] != c.want):
			t.Errorf("%q: %q, %v", c.line, fields, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%q: error %v, want %q", c.line, err, c.err)
		case errors.Is(err, errProtocol) != c.protocol:
			t.Errorf("%q: protocol error is %v in %v", c.line, !c.protocol, err)
		}
	}
}

// TestErlangProgram runs every command of the Erlang program once, if there is an Erlang.
func TestErlangProgram(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b, err := startBeam(ctx, 100_000)
	if errors.Is(err, errNoErlang) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	}()
	if b.version == "" {
		t.Error("no version")
	}
	for _, c := range []struct {
		name string
		n    int
	}{
		{"send", 10_000}, {"fan_in", 10_000}, {"ping_pong", 1}, {"ping_pong", 1000}, {"pairs", 1000}, {"ring", 1000},
		{"ask", 100}, {"spawn", 3000}, {"idle", 1000}, {"population", 1000}, {"random", 10_000}, {"population", 1},
		{"skynet", 1000}, {"restart", 250}, {"restart_seen", 250}, {"supervised", 1000}, {"supervised", 1000},
		{"family_start", 1000}, {"family_stop", 1000},
	} {
		if _, err := b.call(ctx, c.name, c.n); err != nil {
			t.Errorf("%s %d: %v", c.name, c.n, err)
		}
	}
}

func TestNoErlangNoFigures(t *testing.T) {
	for name, start := range map[string]func(*env) (load, error){"plain": erlang("send"), "random": erlangRandom(1000), "two nodes": farErlang("far_send")} {
		if _, err := start(&env{}); !errors.Is(err, errNoErlang) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
