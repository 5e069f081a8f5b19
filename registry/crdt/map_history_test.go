package crdt_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// TestMapHistories: nodes write, and send deltas, groups of deltas and differences, which are lost, repeated and
// reordered. The model is the definition: the set of all writes a node has heard of, and of all that it has heard ended.
// CRDT_HISTORIES and CRDT_SEED as in TestStoreHistories.
func TestMapHistories(t *testing.T) {
	histories(t, 1500, func(r *rand.Rand) error { return newMapWorld(r).run() })
}

// TestMapLaws: states as histories make them merge commutatively, associatively and idempotently, a difference is as
// good as the state, and so are its parts.
func TestMapLaws(t *testing.T) {
	histories(t, 1500, func(r *rand.Rand) error {
		w := newMapWorld(r)
		for range 10 + r.IntN(40) {
			w.step()
		}
		return laws(r, w)
	})
}

func joined(ms ...*texts) *texts {
	sum := &texts{}
	for _, m := range ms {
		sum.Merge(m)
	}
	return sum
}

func laws(r *rand.Rand, w *mapWorld) error {
	pick := func() *texts { // a state, or a delta
		if len(w.flying) > 0 && r.IntN(2) == 0 {
			return w.flying[r.IntN(len(w.flying))].m
		}
		return w.nodes[r.IntN(len(w.nodes))].m
	}
	a, b, c := pick(), pick(), pick()
	abc := joined(joined(a, b), c)
	delta := joined(a, b.Delta(a.Seen()))
	parts := b.Split(1 + r.IntN(3))
	r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	split := joined(append([]*texts{a}, parts...)...)
	for what, pair := range map[string][2]*texts{
		"commutative": {joined(a, b), joined(b, a)},
		"associative": {abc, joined(a, joined(b, c))},
		"idempotent":  {joined(a, b), joined(a, b, b, a, joined(a, b))},
		"delta":       {joined(a, b), delta},
		"split":       {joined(a, b), split},
		"clone":       {a, a.Clone()},
		"neutral":     {a, joined(a, &texts{})},
	} {
		if !same(pair[0], pair[1]) {
			return fmt.Errorf("not %s: %s and %s", what, encodeMap(pair[0]), encodeMap(pair[1]))
		}
	}
	if a.Digest() == b.Digest() != same(a, b) {
		return fmt.Errorf("digests and states disagree")
	}
	return nil
}

// same compares the encodings: there is one for each state.
func same(a, b *texts) bool { return string(encodeMap(a)) == string(encodeMap(b)) }

// write is one Put of the model, seen by its dot.
type write struct {
	key, value string
	stamp      crdt.Stamp
	origin     crdt.Origin
	seq        int
}

// knowledge is a state of the model: grow-only sets of what was written and what of it ended.
type knowledge struct{ written, ended map[write]bool }

func (k *knowledge) learn(other knowledge) {
	maps.Copy(k.written, other.written)
	maps.Copy(k.ended, other.ended)
}

func (k *knowledge) live(key string) (all []write) {
	for w := range k.written {
		if !k.ended[w] && w.key == key {
			all = append(all, w)
		}
	}
	return all
}

func (k *knowledge) read() map[string]string {
	best := map[string]write{}
	for w := range k.written {
		b, ok := best[w.key]
		later := w.stamp > b.stamp || (w.stamp == b.stamp && (w.origin.Node > b.origin.Node ||
			(w.origin == b.origin && w.seq > b.seq)))
		if !k.ended[w] && (!ok || later) {
			best[w.key] = w
		}
	}
	values := map[string]string{}
	for key, w := range best {
		values[key] = w.value
	}
	return values
}

func newKnowledge() knowledge { return knowledge{map[write]bool{}, map[write]bool{}} }

type mapNode struct {
	self   crdt.Origin
	m      *texts
	know   knowledge
	writes int
	group  mapFrame // of deltas not sent yet
}

// mapFrame is a delta with what it says in the model.
type mapFrame struct {
	m    *texts
	know knowledge
}

type mapWorld struct {
	r      *rand.Rand
	nodes  []*mapNode
	flying []mapFrame
}

func newMapWorld(r *rand.Rand) *mapWorld {
	w := &mapWorld{r: r}
	for i := range 2 + r.IntN(3) {
		n := &mapNode{self: origin(string(rune('a'+i)), 1), m: &texts{}, know: newKnowledge()}
		n.group = mapFrame{&texts{}, newKnowledge()}
		w.nodes = append(w.nodes, n)
	}
	return w
}

func (w *mapWorld) step() {
	n := w.nodes[w.r.IntN(len(w.nodes))]
	switch w.r.IntN(10) {
	case 0, 1, 2:
		w.put(n)
	case 3:
		w.remove(n)
	case 4: // a group of deltas
		w.fly(n.group)
		n.group = mapFrame{&texts{}, newKnowledge()}
	case 5: // what another lacks, by the context it had
		other := w.nodes[w.r.IntN(len(w.nodes))]
		w.fly(mapFrame{n.m.Delta(other.m.Seen()), w.beyond(n, other)})
	default:
		w.deliver(n)
	}
}

// beyond is what a difference says: all that n knows ended, and what it knows to live and other has not heard of.
func (w *mapWorld) beyond(n, other *mapNode) knowledge {
	k := newKnowledge()
	for x := range n.know.written {
		if n.know.ended[x] || !other.know.written[x] {
			k.written[x] = true
		}
	}
	maps.Copy(k.ended, n.know.ended)
	return k
}

func (w *mapWorld) put(n *mapNode) {
	key, value := string(rune('k'+w.r.IntN(3))), fmt.Sprint(w.r.IntN(100))
	stamp := crdt.Stamp(w.r.IntN(4))
	said := newKnowledge()
	for _, old := range n.know.live(key) {
		said.written[old], said.ended[old] = true, true
	}
	n.writes++
	said.written[write{key, value, stamp, n.self, n.writes}] = true
	w.say(n, n.m.Put(n.self, key, value, stamp), said)
}

func (w *mapWorld) remove(n *mapNode) {
	key, said := string(rune('k'+w.r.IntN(3))), newKnowledge()
	for _, old := range n.know.live(key) {
		said.written[old], said.ended[old] = true, true
	}
	w.say(n, n.m.Remove(key), said)
}

func (w *mapWorld) say(n *mapNode, delta *texts, said knowledge) {
	n.know.learn(said)
	n.group.m.Merge(delta)
	n.group.know.learn(said)
	w.fly(mapFrame{delta, said})
}

// fly sends a frame never, once or twice.
func (w *mapWorld) fly(f mapFrame) {
	for range w.r.IntN(3) {
		w.flying = append(w.flying, mapFrame{f.m.Clone(), knowledge{maps.Clone(f.know.written), maps.Clone(f.know.ended)}})
	}
}

// deliver gives any frame to n, which may have had it: it stays in the air now and then.
func (w *mapWorld) deliver(n *mapNode) {
	if len(w.flying) == 0 {
		return
	}
	i := w.r.IntN(len(w.flying))
	n.m.Merge(w.flying[i].m)
	n.know.learn(w.flying[i].know)
	if w.r.IntN(2) == 0 {
		w.flying = slices.Delete(w.flying, i, i+1)
	}
}

func (n *mapNode) check() error {
	if got, want := read(n.m), n.know.read(); !maps.Equal(got, want) {
		return fmt.Errorf("%v reads %v, want %v", n.self, got, want)
	}
	for k := 'k'; k < 'n'; k++ {
		if got, want := len(slices.Collect(n.m.Values(string(k)))), len(n.know.live(string(k))); got != want {
			return fmt.Errorf("%v has %d values of %c, want %d", n.self, got, k, want)
		}
	}
	return nil
}

func (w *mapWorld) run() error {
	for range 10 + w.r.IntN(50) {
		w.step()
		if err := w.nodes[w.r.IntN(len(w.nodes))].check(); err != nil {
			return err
		}
	}
	for range 2 { // the heal: everybody hears the differences of all
		for _, n := range w.nodes {
			for _, other := range w.nodes {
				frame := mapFrame{n.m.Delta(other.m.Seen()), w.beyond(n, other)}
				other.m.Merge(frame.m)
				other.know.learn(frame.know)
			}
		}
	}
	for _, n := range w.nodes {
		if err := n.check(); err != nil {
			return err
		}
		if !same(n.m, w.nodes[0].m) || n.m.Digest() != w.nodes[0].m.Digest() {
			return fmt.Errorf("%v did not converge with %v", n.self, w.nodes[0].self)
		}
	}
	return nil
}
