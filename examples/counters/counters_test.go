package main

import (
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestMain makes this program a node, if told so.
func TestMain(m *testing.M) {
	if os.Getenv(nodeVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestProgram(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var out strings.Builder
	if err := program(ctx, []string{"-n", "100"}, &out, os.Stderr); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		`100 counters were started in \S+: ada \d+, bob \d+, cyd \d+\n`,
		`cyd leaves under load: of ada \d+, bob \d+, cyd \d+ to ada \d+, bob \d+\n`, `\d+ counters were moved with their state within`,
		`lost updates: 0; requests that failed: 0\n`,
		`dee joins under load: of (ada \d+, bob \d+) to ada`, `nothing is moved because a node joins; lost updates: 0; requests that failed: 0\n`,
		`bob is killed \(SIGKILL, process \d+\) under load: of ada \d+, bob \d+ to ada`, `all counters answer again \S+ after the kill`,
		`its \d+ counters began anew, .*: [1-9]\d* updates are lost`, `asked for their values, 100 counters say [1-9]\d* in all`, `everything adds up`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("it leaves %v, %v", left, err)
	}
}

func TestMistakes(t *testing.T) {
	for _, args := range [][]string{{"-n", "3"}, {"-n", "x"}, {"-n", "1000000"}, {"more"}, {"-bogus"}} {
		if err := program(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

func TestAccount(t *testing.T) {
	known := account{life: "a", count: 5, acked: 5, now: 5}
	doubt := known
	doubt.unanswered(1)
	doubt.unanswered(1)
	for _, c := range []struct {
		name    string
		account account
		tally   tally
		updates uint64
		says    string
		lost    uint64
	}{
		{"the first answer", account{}, tally{Count: 1, Life: "a"}, 1, "", 0},
		{"one more", known, tally{Count: 6, Life: "a"}, 1, "", 0},
		{"a value", known, tally{Count: 5, Life: "a"}, 0, "", 0},
		{"an update that is not there", known, tally{Count: 5, Life: "a"}, 1, "1 updates were lost", 0},
		{"a value that shrinks", known, tally{Count: 2, Life: "a"}, 0, "3 updates were lost", 0},
		{"an update twice", known, tally{Count: 7, Life: "a"}, 1, "1 updates were counted that nobody sent", 0},
		{"in doubt, not counted", doubt, tally{Count: 6, Life: "a"}, 1, "", 0},
		{"in doubt, counted", doubt, tally{Count: 8, Life: "a"}, 1, "", 0},
		{"in doubt, counted twice", doubt, tally{Count: 9, Life: "a"}, 1, "1 updates were counted that nobody sent", 0},
		{"a new life", known, tally{Count: 1, Life: "b"}, 1, "", 5},
		{"a new life that got what was in doubt", doubt, tally{Count: 3, Life: "b"}, 1, "", 5},
		{"a new life that knows of the old", known, tally{Count: 6, Life: "b"}, 1, "5 updates were counted that nobody sent", 5},
		{"a new life without its first update", known, tally{Life: "b"}, 1, "1 updates were lost", 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := c.account
			err := a.answered(c.tally, c.updates)
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v does not say %q", err, c.says)
			}
			if a.lost != c.lost || a.acked != c.account.acked+c.updates || a.acked != a.now+a.lost || a.doubt != 0 {
				t.Errorf("the account is %+v", a)
			}
		})
	}
}

func TestTotal(t *testing.T) {
	fine := account{count: 5, acked: 9, now: 4, lost: 5, failed: 2}
	for name, change := range map[string]func(*account){
		"":                            func(*account) {},
		"less than was acknowledged":  func(a *account) { a.count = 3 },
		"more than was sent":          func(a *account) { a.count = 7 },
		"acknowledged in no life":     func(a *account) { a.acked++ },
		"lost, and not acknowledged":  func(a *account) { a.lost++ },
		"more than sent, in no doubt": func(a *account) { a.failed = 0 },
	} {
		changed := fine
		change(&changed)
		s, err := total(map[string]look{"x": {account: fine}, "y": {account: changed}})
		if (err == nil) != (name == "") {
			t.Errorf("%q: %v", name, err)
		}
		if s.count != fine.count+changed.count || s.acked != fine.acked+changed.acked || s.lost != fine.lost+changed.lost {
			t.Errorf("%q: the sum is %+v", name, s)
		}
	}
}

func TestStrayed(t *testing.T) {
	before := placed{"x": ada, "y": bob, "z": cyd}
	for _, c := range []struct {
		name   string
		after  placed
		gone   string
		faults int
	}{
		{"nothing happens", before, "", 0},
		{"one moves", placed{"x": ada, "y": bob, "z": ada}, cyd, 0},
		{"one stays at a node that is gone", before, cyd, 1},
		{"one moves without cause", placed{"x": bob, "y": bob, "z": cyd}, "", 1},
		{"one is missing", placed{"x": ada, "z": cyd}, "", 1},
		{"one is lost with its node", placed{"x": ada, "y": bob}, cyd, 1},
	} {
		if got := strayed(before, c.after, c.gone); len(got) != c.faults {
			t.Errorf("%s: %v", c.name, errors.Join(got...))
		}
	}
}

func TestOwnersAreCounted(t *testing.T) {
	if got := (placed{"x": ada, "y": bob, "z": ada}).String(); got != "ada 2, bob 1" {
		t.Error(got)
	}
}
