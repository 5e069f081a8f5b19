package handoff

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// The old node, the new node, and a third member; all that can happen to one process between them.
const (
	nO = iota
	nN
	nY
	nodes
)

var (
	ids  = [nodes]nodeid.ID{{Name: "O", Incarnation: 1}, {Name: "N", Incarnation: 1}, {Name: "Y", Incarnation: 1}}
	t0   = time.UnixMilli(1_700_000_000_000)
	late = t0.Add(24 * time.Hour)
)

const theID = "x"

func indexOf(id nodeid.ID) int { return slices.Index(ids[:], id) }

// faults are what may go wrong besides timeouts and failed Restores, and how often.
type faults struct{ crashes, omit, repeat, cut int }

// variant is a set of rules; the zero one is the right one, but for who owns the process when the old node is gone.
type variant struct {
	name       string
	order      [nodes]int // who owns it: the first that is up
	resumes    bool       // the old node resumes on a timer after Activate
	noBarrier  bool       // who learns of the loss acts at once
	noAttempt  bool       // whatever attempt a message is of, it is taken for the one under way
	neverAgain bool       // nothing is said again
}

// model is a state of the cluster.
type model struct {
	up     [nodes]bool
	down   [nodes][nodes]bool // who knows that who is down
	old    Old
	neu    New
	since  [nodes]uint64 // epoch of what the barrier started
	bars   [nodes][nodes]*Barrier
	wires  [nodes][nodes][2][]Msg // by lane: all but Bulk, Bulk
	around [nodes][nodes][]Msg
	cut    bool
	apart  [nodes]bool // O, N know that their session ended
	left   faults
	moves  int

	gen, copyGen uint32 // the state that O runs with, or the copy
	top          uint64 // the greatest epoch that ever ran
	stale, back  bool   // an old state was activated; an epoch did not grow
}

func newModel(f faults) *model {
	m := &model{left: f, moves: 2, gen: 1, top: 1}
	m.old, m.neu = *NewOld(ids[nO], theID, 1, DefaultTiming()), *NewNew(theID, DefaultTiming())
	m.up = [nodes]bool{true, true, true}
	return m
}

func (m *model) clone() *model {
	c := *m
	c.old.flushes, c.old.waiting = slices.Clone(m.old.flushes), slices.Clone(m.old.waiting)
	for p := range nodes {
		for q := range nodes {
			c.around[p][q] = slices.Clone(m.around[p][q])
			for lane := range 2 {
				c.wires[p][q][lane] = slices.Clone(m.wires[p][q][lane])
			}
			if b := m.bars[p][q]; b != nil {
				d := *b
				d.asked = maps.Clone(b.asked)
				d.said = map[nodeid.ID]*saying{}
				for id, s := range b.said {
					t := *s
					d.said[id] = &t
				}
				c.bars[p][q] = &d
			}
		}
	}
	return &c
}

// key tells states apart; times are not part of it.
func (m *model) key() string {
	o, n := &m.old, &m.neu
	k := keys(make([]byte, 0, 256))
	for p := range nodes {
		k.flags(m.up[p], m.apart[p], m.down[p][0], m.down[p][1], m.down[p][2])
		k.numbers(m.since[p])
	}
	k.numbers(uint64(o.phase), o.epoch, o.attempt.Epoch, o.attempt.N, uint64(len(o.flushes)), uint64(n.stage), n.epoch,
		n.seen.Epoch, n.seen.N, n.attempt.Epoch, n.attempt.N, n.ran.Epoch, n.ran.N, m.top, uint64(m.gen), uint64(m.copyGen),
		uint64(m.moves), uint64(m.left.crashes), uint64(m.left.omit), uint64(m.left.repeat), uint64(m.left.cut))
	k.flags(o.around, o.awaited, n.fromDown, n.around, n.settled, n.from.IsZero(), m.cut, m.stale)
	k.flags(m.back)
	for p := range nodes {
		for q := range nodes {
			for _, list := range [][]Msg{m.wires[p][q][0], m.wires[p][q][1], m.around[p][q]} {
				for _, x := range list {
					k = Append(k, x)
				}
				k = append(k, 0xff)
			}
			k.barrier(m.bars[p][q])
		}
	}
	return string(k)
}

// keys is a key that is being written.
type keys []byte

func (k *keys) flags(on ...bool) {
	var b byte
	for i, x := range on {
		b |= flag(x) << i
	}
	*k = append(*k, b)
}

func (k *keys) numbers(all ...uint64) {
	for _, x := range all {
		*k = binary.AppendUvarint(*k, x)
	}
}

func (k *keys) items(items []Item) {
	*k = Append(*k, Done{Items: items})
}

func (k *keys) barrier(b *Barrier) {
	if b == nil {
		return
	}
	k.flags(b.open, b.found != nil)
	k.numbers(b.viewID)
	k.items(b.own)
	if a, ok := b.asked[theID]; ok {
		*k = Append(*k, a.msg)
	}
	if f := b.found[theID]; f != nil {
		k.numbers(uint64(len(f.copies)))
	}
	for _, id := range ids {
		if s := b.said[id]; s != nil {
			k.flags(true, s.whole)
			k.numbers(s.viewID)
			k.items(s.items)
		} else {
			k.flags(false)
		}
	}
}

func (m *model) runs(p int) bool {
	switch {
	case !m.up[p]:
		return false
	case m.since[p] > 0:
		return true
	case p == nO:
		return m.old.phase <= Offered
	case p == nN:
		return m.neu.stage == Live
	}
	return false
}

func (m *model) running() (n int) {
	for p := range nodes {
		if m.runs(p) {
			n++
		}
	}
	return n
}

func (m *model) owner(v *variant, p int) int {
	for _, q := range v.order {
		if !m.down[p][q] {
			return q
		}
	}
	return p
}

func (m *model) started(epoch uint64) {
	m.back = m.back || epoch <= m.top
	m.top = max(m.top, epoch)
}

// do executes what node p is to do.
func (m *model) do(v *variant, p int, outs []Output) {
	for _, out := range outs {
		switch out := out.(type) {
		case Send:
			m.send(v, p, out)
		case Drain:
			m.do(v, p, m.old.Step(t0, Drained{}))
		case Snapshot:
			m.do(v, p, m.old.Step(t0, Snapshotted{Version: m.gen}))
		case Resume:
			m.gen++ // it goes on, so its state changes
			m.started(out.Epoch)
		case Forward:
			m.do(v, p, m.old.Step(t0, Await{}))
		case Restore:
			m.copyGen = out.Version
		case Run:
			m.stale = m.stale || m.copyGen != m.gen
			m.started(out.Epoch)
		case Recovered:
			m.recovered(v, p)
		}
	}
	// Times do not matter: what is due is always due.
	m.old.deadline, m.old.again, m.old.retryAt, m.old.failed = t0, t0, time.Time{}, 0
	m.neu.again = t0
}

func (m *model) send(v *variant, p int, out Send) {
	q := indexOf(out.To)
	switch {
	case q == p:
		m.take(v, p, p, out.Msg)
	case m.down[p][q], !m.up[q]:
	case out.Around:
		m.around[p][q] = append(m.around[p][q], out.Msg)
	case m.cut && (m.apart[p] || m.apart[q]) && p != nY && q != nY:
	default:
		lane := 0
		if out.Msg.Lane() == Bulk {
			lane = 1
		}
		m.wires[p][q][lane] = append(m.wires[p][q][lane], out.Msg)
	}
}

// take delivers a message of p to q.
func (m *model) take(v *variant, p, q int, msg Msg) {
	in := Got{ids[p], msg}
	if v.noAttempt {
		in.Msg = m.unnumbered(q, msg)
	}
	switch x := in.Msg.(type) {
	case Done:
		if b := m.bars[q][indexOf(x.Down)]; b != nil {
			m.do(v, q, b.Step(t0, in))
		}
	case Inquire:
		if b := m.bars[q][indexOf(x.Down)]; b != nil {
			m.do(v, q, b.Step(t0, in))
		}
	case Offer:
		if q == nN {
			m.do(v, q, m.neu.Step(t0, Asked{From: ids[p], Offer: x}))
		}
	case Accept, Refuse, Ready, Failed, Active:
		if q == nO {
			m.do(v, q, m.old.Step(t0, in))
		}
	case Flush:
		if q == nN {
			m.do(v, q, m.neu.Step(t0, in))
		}
	default:
		if q == nN {
			m.do(v, q, m.neu.Step(t0, in))
		}
	}
	switch in.Msg.(type) {
	case Active, Failed:
		for _, b := range m.bars[q] {
			if b != nil {
				m.do(v, q, b.Step(t0, in))
			}
		}
	}
}

func (m *model) unnumbered(q int, msg Msg) Msg {
	switch x := msg.(type) {
	case State:
		x.Attempt = m.neu.attempt
		return x
	case Activate:
		x.Attempt = m.neu.attempt
		return x
	case Abort:
		x.Attempt = m.neu.attempt
		return x
	case Accept:
		x.Attempt = m.old.attempt
		return x
	case Ready:
		x.Attempt = m.old.attempt
		return x
	case Failed:
		x.Attempt = m.old.attempt
		return x
	case Active:
		x.Attempt = m.old.attempt
		return x
	}
	return msg
}

// learns tells p that q is down; what of q has not arrived by now is lost.
func (m *model) learns(v *variant, p, q int) {
	m.down[p][q] = true
	m.wires[q][p], m.around[q][p] = [2][]Msg{}, nil
	if p == nO {
		m.do(v, p, m.old.Step(t0, PeerDown{ids[q]}))
	}
	if p == nN {
		m.do(v, p, m.neu.Step(t0, PeerDown{ids[q]}))
	}
	if v.noBarrier {
		if p == nN && m.neu.stage == Prepared {
			m.take(v, p, p, Activate{theID, m.neu.attempt, m.neu.attempt.Epoch + 1})
		} else if m.owner(v, p) == p && !m.runs(p) {
			m.since[p] = m.top + 1
		}
		return
	}
	m.bars[p][q] = NewBarrier(ids[p], ids[q], DefaultTiming())
	var viewID uint64
	var members []nodeid.ID
	for i := range nodes {
		if !m.down[p][i] {
			viewID |= 1 << i
			if i != p {
				members = append(members, ids[i])
			}
		}
	}
	for i := range nodes {
		if b := m.bars[p][i]; b != nil {
			m.do(v, p, b.Step(t0, PeerDown{ids[q]}))
			m.do(v, p, b.Step(t0, Viewed{viewID, members, m.inventory(p)}))
		}
	}
}

func (m *model) inventory(p int) (items []Item) {
	if m.runs(p) {
		items = append(items, Item{ID: theID, Epoch: m.top, Running: true})
	}
	if it, ok := m.neu.Item(); ok && p == nN {
		items = append(items, it)
	}
	return items
}

// recovered is what the table's owner does when a barrier opens.
func (m *model) recovered(v *variant, p int) {
	for q := range nodes {
		b := m.bars[p][q]
		if b == nil || !b.Open() || m.owner(v, p) != p || m.runs(p) {
			continue
		}
		d := b.Verdict(theID, m.top) // activations are registered before they run
		for _, c := range d.Stale {
			m.send(v, p, Send{To: c.Holder, Msg: Abort{theID, c.Attempt}})
		}
		switch d.Verdict {
		case ActivateIt:
			m.send(v, p, Send{To: d.Holder, Msg: Activate{theID, d.Attempt, d.Epoch}})
		case Spawn:
			m.since[p] = d.Epoch
			m.started(d.Epoch)
		}
	}
}

var errRestore = errors.New("restore")
