package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// columns are the headings of every table.
var columns = []string{"work", "by", "figure", "rounds", "ratio", "allocs/op", "B/op", "goal", "verdict"}

// cells returns what the table shows of a row, one text per column. A missed goal and a failure are spelled out in the
// last one.
func (r Row) cells() []string {
	out := make([]string, len(columns))
	out[0], out[1] = r.Work, r.Who
	if len(r.Figures) > 0 {
		out[2], out[3] = r.lead()
	}
	if ratio := r.Ratio(Time, r.Base); len(ratio) > 0 {
		out[4] = r.Base.Format(ratio.Median())
	}
	if f, ok := r.Figure(AllocsOp); ok {
		out[5] = digits(roundSmall(f.Values.Median()))
	}
	if f, ok := r.Figure(BytesOp); ok {
		out[6] = digits(roundSmall(f.Values.Median()))
	}
	goals := make([]string, len(r.Goals))
	for i, g := range r.Goals {
		goals[i] = g.String()
	}
	out[7] = strings.Join(goals, ", ")
	verdict, why := r.Judge()
	out[8] = string(verdict)
	if why != "" {
		out[8] += ": " + why
	}
	return out
}

// lead returns the text of the figure column and its spread: the first figure, then those without a column of their
// own, then the note.
func (r Row) lead() (figure, spread string) {
	first := r.Figures[0]
	parts := []string{first.text()}
	for _, f := range r.Figures[1:] {
		if f.Name != AllocsOp && f.Name != BytesOp {
			parts = append(parts, f.text())
		}
	}
	if r.Note != "" {
		parts = append(parts, r.Note)
	}
	return strings.Join(parts, ", "), formatRange(first.Values, first.Unit)
}

// text writes the median of the figure; a figure that is neither a time per operation nor memory says its name.
func (f Figure) text() string {
	median := f.Values.Median()
	if f.Unit == Allocs {
		median = roundSmall(median)
	}
	value := f.Unit.Format(median)
	switch f.Name {
	case Time, Memory, Rate:
		return value
	case Goroutines:
		return value + " goroutines"
	default:
		return f.Name + " " + value
	}
}

// roundSmall shows stray allocations of the runtime as zero, as verdicts do.
func roundSmall(v float64) float64 {
	if v < strayAllocs {
		return 0
	}
	return v
}

// WriteText writes the report as aligned tables.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.headline())
	for _, g := range r.Groups {
		fmt.Fprintf(&b, "\n%s\n", g.Title)
		writeAligned(&b, g.table())
	}
	fmt.Fprintf(&b, "\n%s\n", r.summary())
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "%s\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// table returns the rows as cells below the headings. A work that spans several rows is named once.
func (g Group) table() [][]string {
	rows := [][]string{columns}
	last := ""
	for _, row := range g.Rows {
		cells := row.cells()
		if cells[0] == last {
			cells[0] = ""
		} else {
			last = cells[0]
		}
		rows = append(rows, cells)
	}
	return rows
}

// writeAligned pads all columns but the last to the width of their longest cell.
func writeAligned(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(columns))
	for _, cells := range rows {
		for i, c := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for n, cells := range rows {
		line := "  "
		for i, c := range cells {
			line += c + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		if n == 0 {
			total := 2 * (len(widths) - 1)
			for _, w := range widths {
				total += w
			}
			b.WriteString("  " + strings.Repeat("─", total) + "\n")
		}
	}
}

// WriteMarkdown writes the report as Markdown tables.
func (r Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.headline())
	for _, g := range r.Groups {
		fmt.Fprintf(&b, "\n### %s\n\n", g.Title)
		for n, cells := range g.table() {
			for i, c := range cells {
				cells[i] = strings.ReplaceAll(c, "|", `\|`)
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
			if n == 0 {
				fmt.Fprintf(&b, "|%s\n", strings.Repeat("---|", len(columns)))
			}
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.summary())
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "\n%s\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteJSON writes everything that was measured, with each row's verdict.
func (r Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// MarshalJSON adds the verdict to the row.
func (r Row) MarshalJSON() ([]byte, error) {
	type plain Row
	verdict, why := r.Judge()
	return json.Marshal(struct {
		plain
		Verdict Verdict `json:"verdict,omitempty"`
		Why     string  `json:"why,omitempty"`
	}{plain(r), verdict, why})
}

// headline says when and where the run took place.
func (r Report) headline() string {
	parts := []string{
		r.Date.Format("2006-01-02 15:04 MST"),
		r.Machine.OS,
		r.Machine.CPU,
		fmt.Sprintf("%d cores, GOMAXPROCS %d", r.Machine.Cores, r.Machine.Procs),
	}
	for _, name := range slices.Sorted(maps.Keys(r.Machine.Versions)) {
		parts = append(parts, name+" "+r.Machine.Versions[name])
	}
	return strings.Join(parts, " · ")
}

// summary counts the verdicts and says what the units of the ratios were.
func (r Report) summary() string {
	tally := r.Tally()
	text := fmt.Sprintf("%d rows meet their goals, %d miss one, %d failed. Medians of %d rounds, fewer for work of a fixed size; the run took %s.",
		tally[Met], tally[Missed], tally[Failed], r.Rounds, r.Duration)
	for _, u := range slices.Sorted(maps.Keys(r.Bases)) {
		text += fmt.Sprintf(" 1 %s = %s (%s), %s.", u, Nanoseconds.Format(r.Bases[u].Median()), formatRange(r.Bases[u], Nanoseconds), meaning[u])
	}
	return text
}

// meaning explains the baselines.
var meaning = map[Unit]string{
	Chan: "one message through a buffered channel with one producer and one consumer",
	Hop:  "one hop of a ping-pong over unbuffered channels",
	TCP:  "one record of 30 bytes through a TCP connection with buffers at both ends, between two OS processes",
	RTT:  "a record of 30 bytes there and back over a TCP connection between two OS processes",
}
