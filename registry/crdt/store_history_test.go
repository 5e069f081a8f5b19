package crdt_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// TestStoreHistories lets nodes write, lose, repeat, reorder and delay frames, be cut off from each other, restart and
// be declared down, and compares every store with a model that knows nothing of deltas: the truth is what each node
// holds itself, and how it came to be.
//
// CRDT_HISTORIES=1000000 runs a million, which takes longer than the default -timeout; CRDT_SEED=n runs that history
// alone.
func TestStoreHistories(t *testing.T) {
	histories(t, 2000, func(r *rand.Rand) error { return newWorld(r).run() })
}

// histories runs f with as many seeds as asked for, each its own, and shows the seed of the one that fails.
func histories(t *testing.T, count uint64, f func(*rand.Rand) error) {
	if testing.Short() || raceEnabled {
		count /= 10
	}
	first := envNumber(t, "CRDT_SEED", 0)
	if first != 0 {
		count = 1
	} else {
		first = uint64(time.Now().UnixNano())
		count = envNumber(t, "CRDT_HISTORIES", count)
	}
	for i := range count {
		seed := first + i
		if err := f(rand.New(rand.NewPCG(seed, 1))); err != nil {
			t.Fatalf("CRDT_SEED=%d: %v", seed, err)
		}
	}
	t.Logf("%d histories from CRDT_SEED=%d", count, first)
}

// item is a record of the model.
type item struct {
	origin crdt.Origin
	seq    uint64
	entry  crdt.Entry
}

func itemOf(r *crdt.Record) item { return item{r.Origin, r.Seq, r.Entry} }

// life is what the model knows of one incarnation: its entries after each of its operations.
type life struct {
	origin crdt.Origin
	past   []map[uint64]crdt.Entry
}

func (l *life) now() map[uint64]crdt.Entry { return l.past[len(l.past)-1] }

func (l *life) step(drop uint64, add *crdt.Entry) {
	next := maps.Clone(l.now())
	if drop != 0 {
		delete(next, drop)
	}
	if add != nil {
		next[uint64(len(l.past))] = *add
	}
	l.past = append(l.past, next)
}

// member is one node of the world.
type member struct {
	store   *crdt.Store
	life    *life
	up      map[string]crdt.Origin // what it believes of the others
	watched map[item]bool          // what it knows from changes alone
}

type world struct {
	r       *rand.Rand
	members []*member
	lives   map[crdt.Origin]*life
	cut     [4][4]bool
	flying  []func() error
}

func newWorld(r *rand.Rand) *world {
	w := &world{r: r, members: make([]*member, 2+r.IntN(3)), lives: map[crdt.Origin]*life{}}
	for i := range w.members {
		w.boot(i, 1)
	}
	return w
}

func (w *world) boot(i int, incarnation crdt.Incarnation) {
	o := crdt.Origin{Node: string(rune('a' + i)), Incarnation: incarnation}
	l := &life{origin: o, past: []map[uint64]crdt.Entry{{}}}
	w.lives[o] = l
	w.members[i] = &member{must(crdt.NewStore(o)), l, map[string]crdt.Origin{}, map[item]bool{}}
}

func (w *world) run() error {
	for range 20 + w.r.IntN(60) {
		if err := w.step(); err != nil {
			return err
		}
	}
	w.cut = [4][4]bool{}
	for len(w.flying) > 0 { // the stragglers
		if err := w.deliver(); err != nil {
			return err
		}
	}
	for range 100 {
		settled := true
		for i := range w.members {
			for j := range w.members {
				if i != j {
					w.see(i, j)
					settled = w.talk(i, j, 0) && settled
				}
			}
		}
		for len(w.flying) > 0 {
			if err := w.deliver(); err != nil {
				return err
			}
		}
		if settled {
			return w.check()
		}
	}
	return fmt.Errorf("not settled after 100 rounds")
}

func (w *world) step() error {
	i, j := w.r.IntN(len(w.members)), w.r.IntN(len(w.members))
	switch n := w.r.IntN(100); {
	case n < 35:
		return w.write(w.members[i])
	case n < 60:
		if i != j {
			w.talk(i, j, 30)
		}
	case n < 85:
		return w.deliver()
	case n < 90:
		w.cut[i][j] = !w.cut[i][j]
	case n < 94:
		if i != j {
			w.see(i, j)
		}
	case n < 98:
		if i != j {
			w.unsee(i, j)
		}
	default:
		w.boot(i, w.members[i].life.origin.Incarnation+1)
	}
	return w.check1(w.members[w.r.IntN(len(w.members))])
}

// write does one operation at its owner, in the store and in the model.
func (w *world) write(m *member) error {
	seqs := slices.Sorted(maps.Keys(m.life.now()))
	e := crdt.Entry{Key: name(string(rune('k' + w.r.IntN(4)))), PID: crdt.PID{byte(w.r.IntN(3))},
		Stamp: crdt.Stamp(w.r.IntN(3)), Epoch: uint64(w.r.IntN(2)), Meta: "meta"[:w.r.IntN(5)]}
	kind := w.r.IntN(3)
	if len(seqs) == 0 || kind == 0 {
		m.watched[itemOf(must(m.store.Add(e)))] = true
		m.life.step(0, &e)
		return nil
	}
	seq := seqs[w.r.IntN(len(seqs))]
	delete(m.watched, item{m.life.origin, seq, m.life.now()[seq]})
	if kind == 1 {
		if m.store.Remove(seq) == nil {
			return fmt.Errorf("%v: record %d is not there", m.life.origin, seq)
		}
		m.life.step(seq, nil)
		return nil
	}
	m.watched[itemOf(must(m.store.Replace(seq, e)))] = true
	m.life.step(seq, &e)
	return nil
}

// talk lets from send what it thinks that to needs, and reports whether that is nothing. Some percent of the frames are
// lost, and as many sent twice. All go through the codec, for memory of the sender must not be shared.
func (w *world) talk(from, to, percent int) (settled bool) {
	src, dst := w.members[from].store, w.members[to].store
	changes, v := dst.Check(must(crdt.DecodeDigest(src.Digest().Append(nil))))
	w.members[to].watch(changes)
	maxBytes := 1 + w.r.IntN(300)
	upto := dst.Upto(src.Self())
	if percent > 0 && upto > 0 && w.r.IntN(2) == 0 {
		upto = w.r.Uint64N(upto) // answers a question of long ago
	}
	d, _ := src.Since(upto, maxBytes)
	bytes := d.Append(nil)
	pages := w.r.IntN(3) == 0
	q := must(crdt.DecodePageRequest(dst.PageRequest(src.Self()).Append(nil)))
	page := src.Page(q, maxBytes)
	pageBytes := page.Append(nil)
	frame := func() error { // delivered to whoever is in that place then
		m := w.members[to]
		if w.cut[from][to] {
			return nil
		}
		if pages {
			_, changes, _ := m.store.ApplyPage(must(crdt.DecodePage(pageBytes)))
			m.watch(changes)
			return nil
		}
		changes, _ := m.store.Apply(must(crdt.DecodeDelta(bytes)))
		m.watch(changes)
		return nil
	}
	for range 1 + w.r.IntN(2) {
		if w.r.IntN(100) >= percent {
			w.flying = append(w.flying, frame)
		}
	}
	return v == crdt.InSync
}

// deliver takes any frame that is on its way.
func (w *world) deliver() error {
	if len(w.flying) == 0 {
		return nil
	}
	i := w.r.IntN(len(w.flying))
	frame := w.flying[i]
	w.flying[i] = w.flying[len(w.flying)-1]
	w.flying = w.flying[:len(w.flying)-1]
	return frame()
}

// see tells i that the present incarnation of j is up; unsee that it is down.
func (w *world) see(i, j int) {
	m, o := w.members[i], w.members[j].life.origin
	m.watch(m.store.Show(o))
	m.up[o.Node] = o
}

func (w *world) unsee(i, j int) {
	m := w.members[i]
	if o, ok := m.up[w.members[j].life.origin.Node]; ok {
		m.watch(m.store.Hide(o))
		delete(m.up, o.Node)
	}
}

// watch follows the changes; one that cannot be is kept as a fault for check1 to find.
func (m *member) watch(changes []crdt.Change) {
	for _, c := range changes {
		if c.New != nil {
			m.watched[itemOf(c.New)] = true
		}
		if c.Old != nil && (c.New == nil || itemOf(c.Old) != itemOf(c.New)) {
			delete(m.watched, itemOf(c.Old))
		}
	}
}

// check1 compares what a store shows with the model: of every node that is up exactly the entries that this node had
// after as many operations as the store says it knows, of others none.
func (w *world) check1(m *member) error {
	want := map[item]bool{}
	expect := func(o crdt.Origin, entries map[uint64]crdt.Entry) {
		for seq, e := range entries {
			want[item{o, seq, e}] = true
		}
	}
	expect(m.life.origin, m.life.now())
	for _, o := range m.up {
		if held, ok := m.store.Held(o.Node); ok && held.Origin == o {
			expect(o, w.lives[o].past[held.Upto])
		}
	}
	shown, best := map[item]bool{}, map[crdt.Key]*crdt.Record{}
	for _, r := range m.store.Snapshot(nil) {
		shown[itemOf(r)] = true
		if b := best[r.Key]; b == nil || crdt.Compare(r, b) > 0 {
			best[r.Key] = r
		}
	}
	if !maps.Equal(shown, want) {
		return fmt.Errorf("%v shows %v, want %v", m.life.origin, shown, want)
	}
	if !maps.Equal(m.watched, want) {
		return fmt.Errorf("%v was told %v, want %v", m.life.origin, m.watched, want)
	}
	for c := 'k'; c < 'o'; c++ {
		k := name(string(c))
		if got := m.store.Lookup(k); got != best[k] {
			return fmt.Errorf("%v: lookup of %v is %v, want %v", m.life.origin, k, got, best[k])
		}
	}
	return nil
}

// check: after the heal every store shows the entries of all nodes, and a resolved name has one holder.
func (w *world) check() error {
	want := map[item]bool{}
	for _, m := range w.members {
		for seq, e := range m.life.now() {
			want[item{m.life.origin, seq, e}] = true
		}
	}
	for _, m := range w.members {
		if err := w.check1(m); err != nil {
			return err
		}
		if !maps.Equal(m.watched, want) {
			return fmt.Errorf("%v converged to %v, want %v", m.life.origin, m.watched, want)
		}
	}
	return w.resolveAll()
}

// resolveAll lets each owner drop what it lost, as it sees it now, and none of the winners.
func (w *world) resolveAll() error {
	left := map[crdt.Key]int{}
	names := map[crdt.Key]bool{}
	for _, m := range w.members {
		for _, e := range m.life.now() {
			names[e.Key] = true
			left[e.Key]++
		}
	}
	for _, m := range w.members {
		for k := range names {
			_, lost := m.store.Lost(k)
			left[k] -= len(lost)
		}
	}
	for k, n := range left {
		if n != 1 {
			return fmt.Errorf("%d holders of %v survive", n, k)
		}
	}
	return nil
}
