package actor

import (
	"math/rand/v2"
	"sync"
	"testing"
)

func TestTableModel(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	var tab table
	live := map[uint64]*process{}
	used := map[uint64]bool{}
	var ids []uint64
	for range 60_000 {
		if grow := len(ids) < 50 || r.IntN(100) < 50 && len(ids) < 5000; grow {
			p := &process{}
			if !tab.add(p) {
				t.Fatal("full")
			}
			if p.id == 0 || used[p.id] {
				t.Fatalf("seed %d: id %x was given out twice", seed, p.id)
			}
			used[p.id], live[p.id] = true, p
			ids = append(ids, p.id)
		} else {
			i := r.IntN(len(ids))
			id := ids[i]
			ids[i] = ids[len(ids)-1]
			ids = ids[:len(ids)-1]
			tab.remove(live[id])
			delete(live, id)
			if tab.lookup(id) != nil {
				t.Fatalf("seed %d: a removed process is found", seed)
			}
		}
	}
	for id, p := range live {
		if tab.lookup(id) != p {
			t.Fatalf("seed %d: %x is lost", seed, id)
		}
	}
	n := 0
	tab.each(func(p *process) bool { n++; return live[p.id] == p })
	if n != len(live) || tab.count() != len(live) {
		t.Fatalf("seed %d: %d, %d, want %d", seed, n, tab.count(), len(live))
	}
	for id := range used {
		if p := tab.lookup(id); p != live[id] {
			t.Fatalf("seed %d: stale id %x finds a process", seed, id)
		}
	}
}

// A slot reused millions of times never finds another's process.
func TestTableSlotReuse(t *testing.T) {
	var tab table
	first := &process{}
	tab.add(first)
	tab.remove(first)
	last := first.id
	for range 300_000 {
		p := &process{}
		tab.add(p)
		if p.id == last || p.id&slotMask != first.id&slotMask {
			t.Fatal("the slot was not reused with a new generation")
		}
		if tab.lookup(last) != nil || tab.lookup(first.id) != nil || tab.lookup(p.id) != p {
			t.Fatal("a stale id finds a process")
		}
		last = p.id
		tab.remove(p)
	}
}

func TestTableGenerationsRunOut(t *testing.T) {
	var tab table
	p := &process{}
	tab.add(p)
	seg := tab.segment(0).Load()
	slot := p.id & slotMask
	tab.remove(p)
	tab.mu.Lock()
	seg.gen[slot] = ^uint32(0) - 1
	tab.mu.Unlock()
	q := &process{}
	tab.add(q)
	if q.id != makeID(slot, uint64(^uint32(0))) {
		t.Fatalf("%x", q.id)
	}
	tab.remove(q)
	for range 3 * tableSegmentSize {
		x := &process{}
		if !tab.add(x) {
			t.Fatal("full")
		}
		if x.id&slotMask == slot {
			t.Fatal("a slot without generations was given out again")
		}
	}
	if tab.lookup(q.id) != nil {
		t.Fatal("a stale id finds a process")
	}
}

func TestTableReleasesSegments(t *testing.T) {
	var tab table
	seen := map[uint64]bool{}
	for range 3 {
		var all []*process
		for range 12 * tableSegmentSize {
			p := &process{}
			tab.add(p)
			if seen[p.id] {
				t.Fatalf("id %x was given out twice across a release", p.id)
			}
			seen[p.id] = true
			all = append(all, p)
		}
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, p := range all {
			tab.remove(p)
		}
		held := 0
		for i := range 21 {
			if tab.segment(i).Load() != nil {
				held++
			}
		}
		if held > 3 {
			t.Fatalf("%d segments are held for no process", held)
		}
	}
}

func TestTableConcurrently(t *testing.T) {
	var tab table
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 300 {
				var mine []*process
				for range 20 {
					p := &process{}
					tab.add(p)
					mine = append(mine, p)
				}
				for _, p := range mine {
					if tab.lookup(p.id) != p {
						t.Error("lost")
					}
					tab.remove(p)
					if tab.lookup(p.id) != nil {
						t.Error("found after its end")
					}
				}
			}
		})
	}
	wg.Wait()
	if tab.count() != 0 {
		t.Fatal(tab.count())
	}
}

func TestSmallMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var m smallMap[int, int]
	model := map[int]int{}
	for range 20000 {
		k := r.IntN(40)
		switch _, has := model[k]; r.IntN(3) {
		case 0:
			if m.remove(k) != has {
				t.Fatal("remove")
			}
			delete(model, k)
		default:
			v := r.Int()
			m.set(k, v)
			model[k] = v
		}
		v, ok := m.get(k)
		if w, has := model[k]; ok != has || v != w {
			t.Fatal("get")
		}
	}
	n := 0
	m.all(func(k, v int) bool { n++; return model[k] == v })
	if n != len(model) {
		t.Fatal(n, len(model))
	}
}
