package votes_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/votes"
)

// A tick of the simulation is a heartbeat.
const tick = 100 * time.Millisecond

var simTiming = votes.Timing{Heartbeat: tick, Silent: 5 * tick, Stable: 10 * tick, Lease: 8 * tick, Margin: 2 * tick,
	Patience: 20 * tick, Bridge: 60 * tick}

// rules are what a world does, and the wrong variants of it.
type rules struct {
	crashes, pauses, bridgesOnly, codec bool
	calm                                bool // nothing is lost, and everything takes one heartbeat
	policy                              votes.Policy
	expected                            int // as many as there are seats, if zero

	keepsGranting bool // an acceptor grants on to whom it agreed to exclude
	noJoint       bool // leases do not tell what was accepted
	local         bool // each decides by what it hears, without leases
}

type wire struct {
	at, from, to int
	m            votes.Msg
}

type proc struct {
	id     nodeid.ID
	seat   int
	vote   *votes.State
	skew   time.Duration
	paused int // until
	inbox  []wire
	dead   bool

	lv, last []nodeid.ID // of rule local
	lvAt     int
}

// world is nodes on seats, and a network between seats whose directions can be cut. Everything hangs on the seed.
type world struct {
	rules
	r     *rand.Rand
	n     int
	now   int
	cut   [][]bool
	flow  []wire
	procs []*proc // dead ones too
	known map[votes.SetID]votes.Set
	route func(from, to int, m votes.Msg) (arrives, decided bool) // overrides what is cut
	last  map[votes.Lineage]uint64

	owners, outlived, disagree int // ticks with two owners, with somebody excluded who runs; sets that differ
	served                     int
	said                       map[nodeid.ID]*[]votes.Output
	detail                     string
}

var epoch = time.UnixMilli(1_700_000_000_000)

func newWorld(seed uint64, n int, ru rules) *world {
	if ru.policy == nil {
		ru.policy = votes.KeepMajority
	}
	w := &world{rules: ru, r: rand.New(rand.NewPCG(seed, 3)), n: n, known: map[votes.SetID]votes.Set{}, last: map[votes.Lineage]uint64{}}
	for i := range n {
		w.cut = append(w.cut, make([]bool, n))
		w.start(i)
	}
	return w
}

func (w *world) clock(p *proc) time.Time { return epoch.Add(time.Duration(w.now)*tick + p.skew) }

func (w *world) start(seat int) {
	id := nodeid.ID{Name: string(rune('a' + seat)), Incarnation: nodeid.Incarnation(len(w.procs) + 1)}
	p := &proc{id: id, seat: seat, skew: time.Duration(w.r.IntN(1e6)) * time.Second}
	cfg := votes.Config{Policy: w.policy, Timing: simTiming, Expected: cmp.Or(w.expected, w.n), Seed: w.r.Uint64()}
	p.vote = votes.New(id, cfg, w.clock(p))
	w.procs = append(w.procs, p)
	w.step(p, votes.Ready{})
	for _, q := range w.procs {
		if q != p && !q.dead {
			w.step(q, votes.Met{ID: id})
			w.step(p, votes.Met{ID: q.id})
			p.lv = append(p.lv, q.id)
			if len(w.procs) <= w.n {
				q.lv = append(q.lv, id)
			}
		}
	}
	p.lv = append(p.lv, id)
}

func (w *world) step(p *proc, in votes.Input) (granted bool) {
	for _, out := range p.vote.Step(w.clock(p), in) {
		switch out := out.(type) {
		case votes.Send:
			_, g := out.Msg.(votes.Grant)
			granted = granted || g
			w.send(p, out.To, out.Msg)
			continue
		case votes.Changed:
			w.changed(out.Set)
		}
		if said := w.said[p.id]; said != nil {
			*said = append(*said, out)
		}
	}
	return granted
}

func (w *world) changed(s votes.Set) {
	if old, ok := w.known[s.SetID]; ok && !slices.Equal(old.Members, s.Members) {
		w.disagree++
		w.note("%v and %v", old, s)
	}
	w.known[s.SetID] = s
	w.last[s.Lineage] = max(w.last[s.Lineage], s.K)
}

func (w *world) note(format string, args ...any) {
	if w.detail == "" {
		w.detail = fmt.Sprintf("tick %d: ", w.now) + fmt.Sprintf(format, args...)
	}
}

func (w *world) find(id nodeid.ID) *proc { return w.procs[id.Incarnation-1] }

func (w *world) send(p *proc, to nodeid.ID, m votes.Msg) {
	q := w.find(to)
	arrives, decided := false, false
	if w.route != nil {
		arrives, decided = w.route(p.seat, q.seat, m)
	}
	if q.dead || decided && !arrives || !decided && (w.cut[p.seat][q.seat] || !w.calm && w.r.IntN(20) == 0) {
		return
	}
	if g, ok := m.(votes.Grant); ok && w.noJoint {
		g.Pending = votes.Set{}
		m = g
	}
	if w.codec {
		var err error
		if m, err = votes.Decode(votes.Append(nil, m)); err != nil {
			panic(err)
		}
	}
	at := w.now + 1
	if !w.calm {
		at += w.r.IntN(3)
	}
	w.flow = append(w.flow, wire{at, int(p.id.Incarnation) - 1, int(q.id.Incarnation) - 1, m})
}

func (w *world) receive(p *proc, x wire) {
	from := w.procs[x.from]
	granted := w.step(p, votes.Received{From: from.id, Msg: x.m})
	if h, ok := x.m.(votes.Heartbeat); ok && w.keepsGranting && !granted && p.vote.Set().Has(from.id) {
		w.send(p, from.id, votes.Grant{Know: votes.Know{Set: p.vote.Set()}, Echo: h.Sent})
	}
}

func (w *world) tick() {
	w.now++
	var due []wire
	rest := w.flow[:0]
	for _, x := range w.flow {
		if x.at <= w.now {
			due = append(due, x)
		} else {
			rest = append(rest, x)
		}
	}
	w.flow = rest
	for _, x := range due {
		if p := w.procs[x.to]; !p.dead {
			p.inbox = append(p.inbox, x)
		}
	}
	for _, p := range w.procs {
		if p.dead || w.now < p.paused {
			continue
		}
		for _, x := range p.inbox {
			w.receive(p, x)
		}
		p.inbox = p.inbox[:0]
		w.step(p, votes.Tick{})
		if w.local {
			w.decideAlone(p)
		}
	}
	w.look()
}

// runs reports whether p runs something in this tick.
func (w *world) runs(p *proc) bool {
	if p.dead || w.now < p.paused {
		return false
	}
	if w.local {
		return slices.Contains(p.lv, p.id) && slices.MinFunc(p.lv, nodeid.ID.Compare) == p.id && w.majority(p)
	}
	return p.vote.MayRun(w.clock(p))
}

func (w *world) owns(p *proc) bool {
	return w.runs(p) && (w.local || len(p.vote.Set().Members) > 0 && p.vote.Set().Members[0] == p.id)
}

// look is the oracle: it stands outside of every partition.
func (w *world) look() {
	owners := 0
	for _, p := range w.procs {
		if w.owns(p) {
			owners++
		}
		if w.local || !w.runs(p) {
			continue
		}
		for k := p.vote.Set().K + 1; k <= w.last[p.vote.Set().Lineage]; k++ {
			later, ok := w.known[votes.SetID{Lineage: p.vote.Set().Lineage, K: k}]
			if ok && !later.Has(p.id) {
				w.outlived++
				w.note("%v runs with %v, but there is %v", p.id, p.vote.Set(), later)
			}
		}
	}
	if owners > 1 {
		w.owners++
		w.note("%d owners", owners)
	}
	if owners == 1 {
		w.served++
	}
}

// decideAlone is the wrong rule: who I have not heard for a while is out, if the rest is a majority of what I knew.
func (w *world) decideAlone(p *proc) {
	reach := append([]nodeid.ID{p.id}, p.vote.Reachable()...)
	if !slices.Equal(reach, p.last) {
		p.last, p.lvAt = reach, w.now
	}
	if w.now-p.lvAt >= 10 && w.majority(p) {
		p.lv = reach
	}
}

func (w *world) majority(p *proc) bool {
	have := 0
	for _, id := range p.lv {
		if slices.Contains(p.last, id) {
			have++
		}
	}
	return 2*have > len(p.lv)
}

// fault changes what is cut.
func (w *world) fault() {
	for i := range w.cut {
		clear(w.cut[i])
	}
	grp := make([]int, w.n)
	split := func() {
		for i := range grp {
			grp[i] = w.r.IntN(2)
		}
	}
	kind := w.r.IntN(5)
	if w.bridgesOnly {
		kind = 4
	}
	switch kind {
	case 0: // heal
	case 1:
		grp[w.r.IntN(w.n)] = 1
	case 2, 3:
		split()
	case 4: // one sees both sides
		split()
		grp[w.r.IntN(w.n)] = 2
	}
	oneway := w.r.IntN(6) == 0
	for i := range grp {
		for j := range grp {
			if grp[i] != 2 && grp[j] != 2 && grp[i] != grp[j] && !(oneway && grp[i] == 0) {
				w.cut[i][j] = true
			}
		}
	}
}

func (w *world) heal() {
	for i := range w.cut {
		clear(w.cut[i])
	}
}

func (w *world) alive(id nodeid.ID) bool { return !w.find(id).dead }

// best is the newest set that anybody alive knows.
func (w *world) best() (s votes.Set) {
	for _, p := range w.procs {
		if !p.dead && p.vote.Set().K > s.K {
			s = p.vote.Set()
		}
	}
	return s
}

func (w *world) quorum(s votes.Set) bool {
	return w.policy.Quorum(s, w.alive, func(nodeid.ID) bool { return false })
}

// crash ends one process, if what lives is still a quorum of the newest set, and starts another life of its name. Sometimes
// the death is proved to some.
func (w *world) crash() {
	if w.best().K == 0 || len(w.procs) >= 14 {
		return
	}
	seat := w.r.IntN(w.n)
	i := slices.IndexFunc(w.procs, func(p *proc) bool { return p.seat == seat && !p.dead })
	p := w.procs[i]
	p.dead = true
	if !w.quorum(w.best()) {
		p.dead = false
		return
	}
	proof := w.r.IntN(2) == 0
	for _, q := range w.procs {
		if !q.dead {
			if proof && w.r.IntN(2) == 0 {
				w.step(q, votes.Dead{ID: p.id})
			}
			w.step(q, votes.Lost{ID: p.id})
		}
	}
	w.start(seat)
}

func (w *world) pause() {
	p := w.procs[w.r.IntN(len(w.procs))]
	p.paused = w.now + 1 + w.r.IntN(30)
}

// whole reports whether all that live are in one set, know it, and one owns.
func (w *world) whole() bool {
	best, owners, n := w.best(), 0, 0
	for _, p := range w.procs {
		if p.dead {
			continue
		}
		n++
		if p.vote.Set().SetID != best.SetID || !best.Has(p.id) {
			return false
		}
		if w.owns(p) {
			owners++
		}
	}
	return owners == 1 && len(best.Members) == n
}

// run lets faults happen for so many ticks, heals, and reports whether all became whole again, or could not.
func (w *world) run(ticks int) (ok bool) {
	next := w.r.IntN(30)
	for t := range ticks {
		if w.crashes && w.r.IntN(60) == 0 {
			w.crash()
		}
		if w.pauses && w.r.IntN(60) == 0 {
			w.pause()
		}
		if t >= next {
			w.fault()
			next = t + 3 + w.r.IntN(70)
		}
		w.tick()
	}
	w.heal()
	for range 400 {
		if w.tick(); w.whole() {
			return true
		}
	}
	return w.local || w.best().K > 0 && !w.quorum(w.best())
}
