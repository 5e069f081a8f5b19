package crdt_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// envNumber is the number in an environment variable, or other if it is not set.
func envNumber(t testing.TB, name string, other uint64) uint64 {
	t.Helper()
	text, set := os.LookupEnv(name)
	if !set {
		return other
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// must is for what cannot fail in a test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// connected makes stores of nodes in their first incarnation, each of which knows that the others are up.
func connected(t testing.TB, nodes ...string) (stores []*crdt.Store) {
	t.Helper()
	for _, n := range nodes {
		stores = append(stores, must(crdt.NewStore(crdt.Origin{Node: n, Incarnation: 1})))
	}
	for _, s := range stores {
		for _, o := range stores {
			s.Show(o.Self())
		}
	}
	return stores
}

const frame = 64 << 10

// since is what to has not seen of from.
func since(t testing.TB, from, to *crdt.Store) crdt.Delta {
	t.Helper()
	d, ok := from.Since(to.Upto(from.Self()), frame)
	if !ok {
		t.Fatalf("%v has passed what %v needs", from.Self(), to.Self())
	}
	return d
}

// settle exchanges deltas until nobody lacks anything.
func settle(t testing.TB, stores []*crdt.Store) {
	t.Helper()
	for _, from := range stores {
		for _, to := range stores {
			if from != to {
				catchUp(t, from, to, frame)
			}
		}
	}
}

// catchUp brings to to the state of from, by operations if they are kept and by pages if not.
func catchUp(t testing.TB, from, to *crdt.Store, maxBytes int) (pages int) {
	t.Helper()
	for range 1 << 20 {
		_, v := to.Check(from.Digest())
		if v == crdt.InSync {
			return pages
		}
		if d, ok := from.Since(to.Upto(from.Self()), maxBytes); ok && v == crdt.Behind {
			to.Apply(d)
			continue
		}
		pages++
		to.ApplyPage(from.Page(to.PageRequest(from.Self()), maxBytes))
	}
	t.Fatalf("%v never caught up with %v", to.Self(), from.Self())
	return 0
}

func encodeMap(m *crdt.Map[string, string]) []byte {
	return crdt.AppendMap(nil, m, func(dst []byte, v string) []byte { return append(dst, v...) })
}

func decodeMap(t testing.TB, b []byte) *crdt.Map[string, string] {
	t.Helper()
	m, err := crdt.DecodeMap(b, func(v []byte) (string, error) { return string(v), nil })
	if err != nil {
		t.Fatal(err)
	}
	return m
}
