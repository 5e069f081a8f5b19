package view_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/view"
)

const ms = time.Millisecond

// world is a cluster under virtual time: processes on hosts, a network whose directions can be cut, a crude SWIM, and
// connections. Everything hangs on the seed.
type world struct {
	rnd     *rand.Rand
	timing  view.Timing
	swim    [2]time.Duration // from the loss of a member until SWIM holds it dead: at least, at most
	now     time.Duration
	queue   events
	seq     int
	hosts   []*host
	cut     map[[2]int]bool // from, to
	reject  map[[2]int]bool // a firewall refuses dials and closes connections
	refused bool            // there was one
	jitter  time.Duration   // of the network

	starts   int
	restarts []nodeid.ID // who was told to
	downs    []death     // all that were announced
	alarms   []view.Event
	faults   []string // what the oracles found
	log      []string // what was done to the cluster
}

type host struct {
	proc     *proc
	off      bool          // no answer at all
	deaf     bool          // connections are accepted, nobody says hello
	lingers  time.Duration // until then a dead process' address still accepts
	downtime time.Duration // when the process died
}

type death struct {
	by, id nodeid.ID
	at     time.Duration
	proved bool
	why    string
}

type event struct {
	at  time.Duration
	seq int
	do  func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)   { *q = append(*q, x.(event)) }
func (q *events) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func newWorld(seed uint64, t view.Timing, hosts int) *world {
	w := &world{rnd: rand.New(rand.NewPCG(seed, 1)), timing: t, cut: map[[2]int]bool{}, reject: map[[2]int]bool{}, jitter: 2 * ms}
	w.swim = [2]time.Duration{2300 * ms, 3300 * ms}
	if t.Silent > view.Fast().Silent {
		w.swim = [2]time.Duration{5600 * ms, 7600 * ms}
	}
	for range hosts {
		w.hosts = append(w.hosts, &host{})
	}
	return w
}

func (w *world) after(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.queue, event{w.now + d, w.seq, do})
}

// run handles what happens until the time end.
func (w *world) run(end time.Duration) {
	for len(w.queue) > 0 && w.queue[0].at <= end {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.do()
	}
	w.now = end
}

func (w *world) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.rnd.Int64N(int64(hi-lo)+1))
}

func (w *world) clock() time.Time { return time.UnixMilli(1_700_000_000_000).Add(w.now) }

func (w *world) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf("%v: ", w.now)+fmt.Sprintf(format, args...))
}

func (w *world) did(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%v: ", w.now)+fmt.Sprintf(format, args...))
}

func addr(host int) string { return fmt.Sprintf("h%d:7000", host) }

func hostOf(addr string) (h int) {
	fmt.Sscanf(addr, "h%d:", &h)
	return h
}

// start begins a life of a name on a host that has none.
func (w *world) start(name string, h int, floor nodeid.Incarnation) *proc {
	w.starts++
	id := nodeid.ID{Name: name, Incarnation: nodeid.Next(w.clock(), floor, uint16(w.starts))}
	p := &proc{w: w, id: id, host: h, started: w.now}
	p.v = view.New(view.Member{ID: id, Addr: addr(h)}, w.timing, w.clock())
	w.hosts[h].proc, w.hosts[h].deaf, w.hosts[h].off = p, false, false
	w.after(w.between(0, w.timing.Heartbeat), p.heartbeat)
	w.after(w.between(0, 100*ms), p.gossip)
	w.after(0, p.tick)
	return p
}

// kill ends a life as kill -9 does: connections close at the others soon after, dials are refused a bit later.
func (w *world) kill(p *proc) {
	if p.dead {
		return
	}
	p.dead = true
	h := w.hosts[p.host]
	h.proc, h.downtime, h.lingers = nil, w.now, w.now+w.between(0, 30*ms)
	for _, q := range w.procs() {
		if o := q.known(p.id); o != nil && o.conn && w.open(p.host, q.host) {
			w.after(w.between(1*ms, 20*ms), func() { q.lose(o) })
		}
	}
}

// procs are the lives that are not over, by host.
func (w *world) procs() (all []*proc) {
	for _, h := range w.hosts {
		if h.proc != nil {
			all = append(all, h.proc)
		}
	}
	return all
}

func (w *world) open(from, to int) bool {
	return !w.cut[[2]int{from, to}] && !w.hosts[from].off && !w.hosts[to].off
}

func (w *world) both(a, b int) bool { return w.open(a, b) && w.open(b, a) }

func (w *world) setCut(from, to int, cut bool) { w.cut[[2]int{from, to}] = cut }

// whole says what keeps the cluster from being whole: everybody is up and sees exactly who lives.
func (w *world) whole() (wrong string) {
	var want []nodeid.ID
	for _, p := range w.procs() {
		want = append(want, p.id)
	}
	slices.SortFunc(want, nodeid.ID.Compare)
	var first *proc
	for _, p := range w.procs() {
		var got []nodeid.ID
		for _, m := range p.v.Up() {
			got = append(got, m.ID)
			if m.State != view.Up {
				return fmt.Sprintf("%v: %v is %v", p.id, m.ID, m.State)
			}
		}
		if !slices.Equal(got, want) {
			return fmt.Sprintf("%v sees %v up, alive are %v", p.id, got, want)
		}
		if first == nil {
			first = p
		}
		if p.v.ViewID() != first.v.ViewID() || p.v.ViewID() == 0 {
			return fmt.Sprintf("ViewID of %v is %x, of %v %x", p.id, p.v.ViewID(), first.id, first.v.ViewID())
		}
	}
	return ""
}

// untilWhole runs until the cluster is whole, and stays so for a while.
func (w *world) untilWhole(limit time.Duration) {
	end, since := w.now+limit, time.Duration(-1)
	for w.now < end {
		w.run(w.now + 100*ms)
		switch wrong := w.whole(); {
		case wrong != "":
			since = -1
		case since < 0:
			since = w.now
		case w.now-since >= time.Second:
			return
		}
	}
	w.fault("not whole after %v: %s", limit, w.whole())
}

func (w *world) report() string {
	return strings.Join(w.log, "\n") + "\n" + strings.Join(w.faults, "\n")
}
