package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func sample() Report {
	missed := sendRow(Goal{Time, 0.4, Chan}, Goal{AllocsOp, 0, Allocs})
	return Report{
		Date:     time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC),
		Machine:  Machine{OS: "linux/amd64", CPU: "test", Cores: 2, Procs: 2, Versions: map[string]string{"go": "1.26", "a": "1"}},
		Rounds:   5,
		Duration: "1m2s",
		Bases:    map[Unit]Series{Chan: {30, 40, 50}},
		Groups: []Group{
			{Title: "Send", Rows: []Row{
				missed,
				{Work: "send", Who: "go channel", Figures: []Figure{{Time, Nanoseconds, Series{40}}}},
			}},
			{Title: "System", Rows: []Row{
				{
					Work: "ping", Who: "foundation", Note: "200 pings",
					Figures: []Figure{{P99, Milliseconds, Series{2}}, {Worst, Milliseconds, Series{3}}, {AllocsFar, Allocs, Series{0.01}}},
					Goals:   []Goal{{P99, 5, Milliseconds}},
				},
				{Work: "a|b", Who: "foundation", Err: "lost 3 of 4 messages"},
			}},
		},
		Notes: []string{"Erlang/OTP: not found"},
	}
}

func TestWriteText(t *testing.T) {
	var b strings.Builder
	if err := sample().WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `2026-01-02 03:04 UTC · linux/amd64 · test · 2 cores, GOMAXPROCS 2 · a 1 · go 1.26

Send
  work  by          figure  rounds       ratio      allocs/op  B/op  goal                   verdict
  ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  send  foundation  20 ns   20 ns…99 ns  0.50 chan  0                ≤ 0.40 chan, 0 allocs  missed: 0.50 chan
        go channel  40 ns

System
  work  by          figure                                       rounds  ratio  allocs/op  B/op  goal        verdict
  ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  ping  foundation  p99 2 ms, max 3 ms, far 0 allocs, 200 pings                                  p99 ≤ 5 ms  met
  a|b   foundation                                                                                           FAILED: lost 3 of 4 messages

1 rows meet their goals, 1 miss one, 1 failed. Medians of 5 rounds, fewer for work of a fixed size; the run took 1m2s. 1 chan = 40 ns (30 ns…50 ns), one message`
	got := b.String()
	// The length of the rule follows the widest verdict; compare without it.
	if !strings.HasPrefix(strip(got), strip(want)) {
		t.Errorf("got\n%s\nwant it to begin with\n%s", got, want)
	}
	if !strings.HasSuffix(got, "Erlang/OTP: not found\n") {
		t.Errorf("the note is not at the end of\n%s", got)
	}
}

// strip removes the rules below the headings.
func strip(s string) string {
	return strings.ReplaceAll(s, "─", "")
}

func TestColumnsAreAligned(t *testing.T) {
	var b strings.Builder
	if err := sample().WriteText(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	column := func(line, word string) int { return len([]rune(line[:max(strings.Index(line, word), 0)])) }
	if h, f := column(lines[3], "verdict"), column(lines[5], "missed"); h != f || h == 0 {
		t.Errorf("verdict starts at %d in the headings and at %d in the row:\n%s", h, f, b.String())
	}
}

func TestWriteMarkdown(t *testing.T) {
	var b strings.Builder
	if err := sample().WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"### Send\n\n| work | by |",
		"|---|---|",
		`| a\|b | foundation |`,
		"missed: 0.50 chan |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestSplice(t *testing.T) {
	page := "# Title\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n"
	got, err := Splice(page, "new\n")
	if want := "# Title\n<!-- bench -->\n\nnew\n\n<!-- /bench -->\nafter\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	if again, err := Splice(got, "new"); err != nil || again != got {
		t.Errorf("the second time %q, %v", again, err)
	}
	for _, bad := range []string{"", "<!-- bench -->", "<!-- /bench -->\n<!-- bench -->", "x <!-- bench -->\n<!-- /bench -->"} {
		if _, err := Splice(bad, "new"); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}

func TestJSONKeepsRoundsAndVerdicts(t *testing.T) {
	var b strings.Builder
	if err := sample().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Groups []struct {
			Rows []struct {
				Figures []Figure
				Bases   map[Unit]Series
				Verdict Verdict
				Why     string
			}
		}
	}
	if err := json.Unmarshal([]byte(b.String()), &back); err != nil {
		t.Fatal(err)
	}
	row := back.Groups[0].Rows[0]
	if row.Verdict != Missed || row.Why != "0.50 chan" || len(row.Figures[0].Values) != 5 || len(row.Bases[Chan]) != 5 {
		t.Errorf("got %+v", row)
	}
}

func TestTally(t *testing.T) {
	tally := sample().Tally()
	if tally[Met] != 1 || tally[Missed] != 1 || tally[Failed] != 1 || tally[NoGoal] != 1 {
		t.Errorf("got %v", tally)
	}
}
