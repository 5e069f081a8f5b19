package main

import (
	"context"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
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
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var out strings.Builder
	if err := program(ctx, []string{"-messages", "6000", "-spread", "200ms"}, &out, os.Stderr); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		`cyd has handled half .* and is killed`, `the monitor of cyd at ada fired \S+ after the kill: noconnection`,
		`the monitor of cyd at bob fired`, `ada knew that cyd is down \S+ after the kill`, `ada to bob +1000 +1000 +1000 +0 +0`,
		`all +6000 +\d+ += +\d+`, `dead letters of the survivors: `, `everything adds up`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, args := range [][]string{{"-messages", "5"}, {"-messages", "x"}, {"-spread", "1h"}, {"more"}, {"-bogus"}} {
		if err := program(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

func TestPlanIsOfAllMessages(t *testing.T) {
	for _, n := range []int{600, 601, 605, 100_000} {
		var sum uint64
		for _, count := range plan(n) {
			sum += count
		}
		if sum != uint64(n) {
			t.Errorf("plan(%d) is of %d", n, sum)
		}
	}
}

func TestLedger(t *testing.T) {
	path := t.TempDir() + "/ledger"
	l, err := openLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	for c := range cells {
		for i, name := range names {
			if i == 1 && c == gapCell {
				continue
			}
			if err := l.write(c, name, uint64(c)<<8|uint64(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	read, err := readLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(gotCell, "cyd"); got != uint64(gotCell)<<8|2 {
		t.Errorf("a cell is %#x", got)
	}
	if got := read(gapCell, "bob"); got != 0 {
		t.Errorf("a cell that was not written is %#x", got)
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
}

// scene is an account that adds up: of 10 messages each, cyd handled 4 and 5, and sent 6 and 7.
func scene() (map[[2]string]uint64, map[string]report, map[cell]map[string]uint64) {
	died := []down{{"cyd", "noconnection", time.Time{}}}
	one := func(other string, refused, inDoubt, got uint64) report {
		return report{
			Sent: map[string]uint64{other: 10, "cyd": 10}, Got: map[string]uint64{other: 10, "cyd": got},
			Dead: map[string]map[string]uint64{"cyd": {"noconnection": refused}}, InDoubt: map[string]uint64{"cyd": inDoubt},
			Monitors: died, Members: died, Balanced: true,
		}
	}
	return plan(60), map[string]report{"ada": one("bob", 5, 1, 6), "bob": one("ada", 3, 2, 5)},
		map[cell]map[string]uint64{sentCell: {"ada": 6, "bob": 7}, gotCell: {"ada": 4, "bob": 5}, gapCell: {}}
}

func TestAccount(t *testing.T) {
	for _, c := range []struct {
		name  string
		wrong func(reports map[string]report, ledger map[cell]map[string]uint64)
		says  string
	}{
		{"adds up", func(map[string]report, map[cell]map[string]uint64) {}, ""},
		{"lost between survivors", func(r map[string]report, _ map[cell]map[string]uint64) { r["bob"].Got["ada"] = 9 }, "ada to bob: messages between survivors are missing"},
		{"twice between survivors", func(r map[string]report, _ map[cell]map[string]uint64) { r["ada"].Got["bob"] = 11 }, "bob to ada: more was handled"},
		{"not sent", func(r map[string]report, _ map[cell]map[string]uint64) { r["ada"].Sent["cyd"] = 9 }, "ada to cyd: not everything was sent"},
		{"handled and refused", func(_ map[string]report, l map[cell]map[string]uint64) { l[gotCell]["ada"] = 6 }, "ada to cyd: more was handled or refused"},
		{"from nobody", func(r map[string]report, _ map[cell]map[string]uint64) { r["bob"].Got["cyd"] = 8 }, "cyd to bob: more was handled"},
		{"in doubt between survivors", func(r map[string]report, _ map[cell]map[string]uint64) { r["bob"].InDoubt["ada"] = 1 }, "became dead letters"},
		{"order at the dead", func(_ map[string]report, l map[cell]map[string]uint64) { l[gapCell]["bob"] = 1 }, "cyd handled messages out of order"},
		{"order", change("ada", func(r *report) { r.Gaps = 1 }), "ada got messages out of order"},
		{"strange", change("ada", func(r *report) { r.Strange = 1 }), "1 dead letters that are no parcels"},
		{"unbalanced", change("ada", func(r *report) { r.Balanced = false }), "neither handled nor dead"},
		{"no monitor", change("bob", func(r *report) { r.Monitors = nil }), "the monitors of bob fired 0 times"},
		{"a monitor twice", change("bob", func(r *report) { r.Monitors = append(r.Monitors, r.Monitors...) }), "the monitors of bob fired 2 times"},
		{"a member that lives", change("bob", func(r *report) { r.Members = []down{{Node: "ada"}} }), "bob holds other members down"},
	} {
		t.Run(c.name, func(t *testing.T) {
			planned, reports, ledger := scene()
			c.wrong(reports, ledger)
			streams, err := account(planned, "cyd", reports, func(x cell, node string) uint64 { return ledger[x][node] })
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v does not say %q", err, c.says)
			}
			if len(streams) != 6 {
				t.Errorf("%d streams", len(streams))
			}
		})
	}
}

func change(name string, f func(r *report)) func(map[string]report, map[cell]map[string]uint64) {
	return func(reports map[string]report, _ map[cell]map[string]uint64) {
		r := reports[name]
		f(&r)
		reports[name] = r
	}
}
