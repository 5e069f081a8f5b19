package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrongFlagsAreExplained(t *testing.T) {
	unmarked := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(unmarked, []byte("# Title\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"-peers some", `-peers "some": want all or none`},
		{"-run [", "-run: error parsing regexp"},
		{"-run nothing-like-this", "matches no workload; -list"},
		{"-rounds 0", "-rounds 0: want 1 to 1000"},
		{"-time 1ms", "at least a millisecond per round"},
		{"-processes 1", "-processes 1: want"},
		{"-json -markdown", "exclude each other"},
		{"-json -update x", "exclude each other"},
		{"-update no-such-file", "-update: open no-such-file"},
		{"-update " + unmarked, "there is no line <!-- bench -->"},
		{"send", `unexpected argument "send": workloads are chosen with -run`},
		{"-bogus", "flag provided but not defined"},
	} {
		var out, errs bytes.Buffer
		args := append([]string{"-list"}, strings.Fields(c.args)...) // not to measure what is taken for right
		if status := run(t.Context(), args, &out, &errs); status != 2 {
			t.Errorf("%s: status %d, want 2", c.args, status)
		}
		if !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: %q does not say %q", c.args, errs.String(), c.want)
		}
		if out.Len() > 0 {
			t.Errorf("%s: wrote %q", c.args, out.String())
		}
	}
}

func TestHelpIsNoError(t *testing.T) {
	var errs bytes.Buffer
	if status := run(t.Context(), []string{"-h"}, io.Discard, &errs); status != 0 || !strings.Contains(errs.String(), "-peers") {
		t.Errorf("status %d, %s", status, errs.String())
	}
}

func TestListNamesTheWork(t *testing.T) {
	var out bytes.Buffer
	if status := run(t.Context(), []string{"-list", "-run", "^pass/"}, &out, io.Discard); status != 0 {
		t.Fatalf("status %d", status)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 3 || !strings.Contains(out.String(), "pass/ring ") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestUpdateReplacesTheTables(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(file, []byte("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	args := []string{"-run", "ask/deadline", "-time", "2ms", "-rounds", "1", "-peers", "none", "-update", file}
	if status := run(t.Context(), args, &out, io.Discard); status != 0 {
		t.Fatalf("status %d\n%s", status, out.String())
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	if !strings.HasPrefix(text, "before\n") || !strings.HasSuffix(text, "after\n") ||
		strings.Contains(text, "old") || !strings.Contains(text, "| ask from a goroutine, with a deadline | foundation |") {
		t.Errorf("got\n%s", text)
	}
}

func TestRunMeasures(t *testing.T) {
	var out bytes.Buffer
	args := []string{"-run", "send/fan-in|ask/deadline", "-time", "6ms", "-rounds", "3", "-peers", "none", "-json"}
	if status := run(t.Context(), args, &out, io.Discard); status != 0 {
		t.Fatalf("status %d\n%s", status, out.String())
	}
	var rep struct {
		Groups []struct{ Rows []struct{ Who string } }
		Bases  map[string][]float64
	}
	if err := json.Unmarshal(out.Bytes(), &rep); err != nil {
		t.Fatal(err)
	}
	if len(rep.Groups) != 2 || len(rep.Bases["chan"]) != 3 || len(rep.Bases["hop"]) != 3 {
		t.Errorf("got %s", out.String())
	}
	for _, g := range rep.Groups {
		for _, row := range g.Rows {
			if row.Who == protoactor || row.Who == otp {
				t.Errorf("%s was measured with -peers none", row.Who)
			}
		}
	}
}
