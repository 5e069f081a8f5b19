package registry

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

func TestTableIsAMap(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	for range 20 {
		tab, model := newTable(), map[string]*entry{}
		for range 5000 {
			name := fmt.Sprint(r.IntN(1 + r.IntN(800)))
			if r.IntN(5) < 3 {
				e := &entry{name: name}
				tab.put(e)
				model[name] = e
			} else {
				tab.remove(name)
				delete(model, name)
			}
		}
		if tab.len() != len(model) {
			t.Fatalf("seed %d: %d entries, want %d", seed, tab.len(), len(model))
		}
		for i := range 800 {
			if name := fmt.Sprint(i); tab.get(name) != model[name] {
				t.Fatalf("seed %d: %s is %v", seed, name, tab.get(name))
			}
		}
		n := 0
		for e := range tab.all() {
			if n++; model[e.name] != e {
				t.Fatalf("seed %d: %s is not in the model", seed, e.name)
			}
		}
		if n != len(model) || tab.get("") != nil {
			t.Fatalf("seed %d: %d are yielded", seed, n)
		}
		for name := range model {
			tab.remove(name)
		}
		for i := range tab.parts {
			if tab.parts[i].slots.Load() != nil {
				t.Fatalf("seed %d: an empty table keeps memory", seed)
			}
		}
	}
}

// Readers find what stays, whatever else is put, replaced and removed meanwhile.
func TestTableReadersNeverMissWhatStays(t *testing.T) {
	tab := newTable()
	const kept = 200
	for i := range kept {
		tab.put(&entry{name: fmt.Sprint("kept/", i)})
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				if name := fmt.Sprint("kept/", i%kept); tab.get(name) == nil {
					t.Errorf("%s is missing", name)
					return
				}
			}
		})
	}
	for i := range 100_000 {
		name := fmt.Sprint("other/", i%3000)
		if i%3 == 0 {
			tab.put(&entry{name: fmt.Sprint("kept/", i%kept)})
		}
		if i%2 == 0 {
			tab.put(&entry{name: name})
		} else {
			tab.remove(fmt.Sprint("other/", (i*7)%3000))
		}
	}
	close(done)
	wg.Wait()
}
