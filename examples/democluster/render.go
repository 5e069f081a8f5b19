package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

func (d *director) say(format string, args ...any) {
	fmt.Fprintf(d.out, "%6.2fs  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}

// render prints the account.
func (d *director) render(streams []stream, reports map[string]report, killed time.Time) {
	dead := names[victim]
	for _, name := range slices.Sorted(maps.Keys(reports)) {
		for _, m := range reports[name].Monitors {
			d.say("the monitor of %s at %s fired %v after the kill: %s", m.Node, name, m.At.Sub(killed).Round(time.Millisecond), m.Reason)
		}
		for _, m := range reports[name].Members {
			d.say("%s knew that %s is down %v after the kill: %s", name, m.Node, m.At.Sub(killed).Round(time.Millisecond), m.Reason)
		}
	}
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n\tplanned\tsent\t=\thandled\t+\tdead letters\t+\tlost with %s\t\n", dead)
	var sum stream
	var refused, perished uint64
	for _, s := range streams {
		fmt.Fprintf(w, "%s to %s\t%d\t%d\t\t%d\t\t%d\t\t%d\t\n", s.from, s.to, s.planned, s.sent, s.handled, s.refused(), s.perished())
		sum.planned += s.planned
		sum.sent += s.sent
		sum.handled += s.handled
		sum.inDoubt += s.inDoubt
		refused += s.refused()
		perished += s.perished()
	}
	fmt.Fprintf(w, "all\t%d\t%d\t=\t%d\t+\t%d\t+\t%d\t\n", sum.planned, sum.sent, sum.handled, refused, perished)
	_ = w.Flush() // to a terminal or a pipe; there is nobody to tell
	fmt.Fprintln(d.out)
	reasons := map[string]uint64{}
	for _, s := range streams {
		for why, n := range s.dead {
			reasons[why] += n
		}
	}
	var list []string
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		list = append(list, fmt.Sprintf("%d %s", reasons[why], why))
	}
	if list == nil {
		list = []string{"none that was surely not handled"}
	}
	d.say("dead letters of the survivors: %s", strings.Join(list, ", "))
	d.say("and %d %v: sent and not acknowledged, so %s may have handled them. Its ledger decides, above.", sum.inDoubt, actor.ErrConnectionLost, dead)
}
