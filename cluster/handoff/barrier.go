package handoff

import (
	"maps"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Verdict is what becomes of a process of a node that is down.
type Verdict uint8

const (
	Undecided  Verdict = iota // not all members said what they have: wait for [Recovered]
	Nothing                   // somebody runs it
	ActivateIt                // a prepared copy is left: send Activate to its holder
	Spawn                     // start it from the newest checkpoint, or from its spec
)

// Barrier is kept by each member for each node that went down: nobody starts anything of it until all said what they have.
// It is kept as long as the node is remembered: when the view changes, everything is said again. Make it with
// [NewBarrier] when the node is down and all that came from it was handled.
type Barrier struct {
	t       Timing
	self    nodeid.ID
	down    nodeid.ID
	viewed  bool
	viewID  uint64
	members []nodeid.ID
	own     []Item
	said    map[nodeid.ID]*saying
	open    bool // Recovered was said for viewID
	found   map[string]*found
	asked   map[string]asked // who was to activate its copy, and has not said that it did
	again   time.Time
	out     []Output
}

// saying is what one member said last.
type saying struct {
	viewID uint64
	items  []Item
	whole  bool
}

// found is what there is of one process.
type found struct {
	running bool
	epoch   uint64 // the greatest that runs
	copies  []Copy // later attempts first
}

type asked struct {
	holder nodeid.ID
	msg    Activate
}

// NewBarrier is the barrier of node self for node down.
func NewBarrier(self, down nodeid.ID, t Timing) *Barrier {
	return &Barrier{t: t, self: self, down: down, said: map[nodeid.ID]*saying{}}
}

// Open reports whether [Recovered] was said for the view as it is.
func (b *Barrier) Open() bool { return b.open }

// NextTick is when the next [Tick] is due; zero if none is.
func (b *Barrier) NextTick() time.Time {
	if !b.viewed || b.open && len(b.asked) == 0 {
		return time.Time{}
	}
	return b.again
}

// Step tells b what happened, and returns what is to be done about it.
func (b *Barrier) Step(now time.Time, in Input) []Output {
	b.out = nil
	switch in := in.(type) {
	case Viewed:
		b.viewed, b.open, b.found, b.asked, b.viewID = true, false, nil, nil, in.ViewID
		b.members, b.own = slices.Clone(in.Members), slices.Clone(in.Inventory)
		b.again = now.Add(b.t.Again)
		for _, id := range b.members {
			b.say(id)
		}
	case Got:
		b.got(in)
	case Linked:
		b.say(in.ID)
	case PeerDown:
		delete(b.said, in.ID) // a view without it follows
	case Tick:
		if at := b.NextTick(); !at.IsZero() && !now.Before(at) {
			b.again = now.Add(b.t.Again)
			for _, id := range b.members {
				if !b.heard(id) {
					b.out = append(b.out, Send{To: id, Msg: Inquire{b.down}})
				}
			}
			for _, id := range slices.Sorted(maps.Keys(b.asked)) {
				b.out = append(b.out, Send{To: b.asked[id].holder, Msg: b.asked[id].msg})
			}
		}
	}
	b.look()
	out := b.out
	b.out = nil
	return out
}

// say tells one member what this node has.
func (b *Barrier) say(to nodeid.ID) {
	if !b.viewed || !slices.Contains(b.members, to) {
		return
	}
	rest := b.own
	for {
		n := min(len(rest), MaxItems)
		b.out = append(b.out, Send{To: to, Msg: Done{b.down, b.viewID, rest[:n], n < len(rest)}})
		if rest = rest[n:]; len(rest) == 0 {
			return
		}
	}
}

func (b *Barrier) got(in Got) {
	switch m := in.Msg.(type) {
	case Done:
		if m.Down != b.down {
			return
		}
		s := b.said[in.From]
		if s == nil || s.whole || s.viewID != m.ViewID {
			s = &saying{viewID: m.ViewID}
			b.said[in.From] = s
		}
		s.items = append(s.items, m.Items...)
		s.whole = !m.More
	case Inquire:
		if m.Down == b.down {
			b.say(in.From)
		}
	case Active:
		if a, ok := b.asked[m.ID]; ok && a.holder == in.From && a.msg.Attempt == m.Attempt {
			delete(b.asked, m.ID)
		}
	case Failed:
		if a, ok := b.asked[m.ID]; ok && a.holder == in.From && a.msg.Attempt == m.Attempt {
			delete(b.asked, m.ID)
			f := b.found[m.ID]
			f.copies = slices.DeleteFunc(f.copies, func(c Copy) bool { return c == Copy{in.From, m.Attempt} })
			b.open = false // and again, without that copy
		}
	}
}

func (b *Barrier) heard(id nodeid.ID) bool {
	s := b.said[id]
	return s != nil && s.whole && s.viewID == b.viewID
}

func (b *Barrier) look() {
	if b.viewed && !b.open && !slices.ContainsFunc(b.members, func(id nodeid.ID) bool { return !b.heard(id) }) {
		b.open = true
		if b.found == nil {
			b.found, b.asked = map[string]*found{}, map[string]asked{}
			b.index(b.self, b.own)
			for _, m := range b.members {
				b.index(m, b.said[m].items)
			}
		}
		b.out = append(b.out, Recovered{b.viewID})
	}
}

// Decision is what becomes of a process: see [Barrier.Verdict].
type Decision struct {
	Verdict Verdict
	Holder  nodeid.ID // of ActivateIt, which may be this node
	Attempt Attempt   // of ActivateIt
	// Epoch is what it runs as then. It passes what a move under way could have given.
	Epoch uint64
	// Stale are prepared copies that are not to run: send each an Abort.
	Stale []Copy
}

// Copy is a prepared copy at a node.
type Copy struct {
	Holder  nodeid.ID
	Attempt Attempt
}

// Verdict says what becomes of process id, whose greatest known activation has epoch known. Who asks is the node that the
// table gives it, once for each [Recovered], unless it runs the process by then. A copy that was prepared before the known
// activation is stale. Activate is repeated until the holder answers, so Active and Failed are for the barrier, too.
func (b *Barrier) Verdict(id string, known uint64) Decision {
	if !b.open {
		return Decision{}
	}
	f := b.found[id]
	if f == nil {
		return Decision{Verdict: Spawn, Epoch: known + 3}
	}
	known, copies := max(known, f.epoch), f.copies
	switch {
	case f.running:
		return Decision{Verdict: Nothing, Stale: copies}
	case len(copies) > 0 && copies[0].Attempt.Epoch >= known:
		best := copies[0]
		b.asked[id] = asked{best.Holder, Activate{id, best.Attempt, best.Attempt.Epoch + 1}}
		return Decision{ActivateIt, best.Holder, best.Attempt, best.Attempt.Epoch + 1, copies[1:]}
	}
	if len(copies) > 0 {
		known = max(known, copies[0].Attempt.Epoch)
	}
	return Decision{Verdict: Spawn, Epoch: known + 3, Stale: copies}
}

func (b *Barrier) index(holder nodeid.ID, items []Item) {
	for _, it := range items {
		f := b.found[it.ID]
		if f == nil {
			f = &found{}
			b.found[it.ID] = f
		}
		if it.Running {
			f.running, f.epoch = true, max(f.epoch, it.Epoch)
			continue
		}
		f.copies = append(f.copies, Copy{holder, it.Attempt})
		slices.SortStableFunc(f.copies, func(x, y Copy) int { return y.Attempt.Compare(x.Attempt) })
	}
}
