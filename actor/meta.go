package actor

import (
	"context"
	"iter"
)

// meta is the baggage and trace parent that travel with messages. It is immutable and shared; hdr is the header of a plain
// message that carries it, so that sending with context allocates nothing.
type meta struct {
	hdr     header
	baggage []baggageEntry
	trace   string
}

type baggageEntry struct{ key, value string }

func newMeta(baggage []baggageEntry, trace string) *meta {
	m := &meta{baggage: baggage, trace: trace}
	m.hdr.meta = m
	return m
}

type metaKey struct{}

// metaContext is a context.Context with baggage.
type metaContext struct {
	context.Context
	m *meta
}

func (c *metaContext) Value(key any) any {
	switch key.(type) {
	case metaKey:
		return c.m
	case originKey:
		return c
	}
	return c.Context.Value(key)
}

// AfterFunc makes deriving from it start no goroutine, if deriving from what is below starts none.
func (c *metaContext) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(c.Context, f) }

// WithBaggage returns ctx with an entry that travels along with everything sent, spawned or timed under it, across
// processes and nodes. An entry of the same key is replaced.
func WithBaggage(ctx context.Context, key, value string) context.Context {
	old := metaOf(ctx)
	m := newMeta(nil, "")
	if old != nil {
		m.trace = old.trace
		for _, e := range old.baggage {
			if e.key != key {
				m.baggage = append(m.baggage, e)
			}
		}
	}
	m.baggage = append(m.baggage, baggageEntry{key, value})
	return &metaContext{ctx, m}
}

// WithTrace returns ctx with a W3C trace parent that travels like baggage. The text is passed on as it is.
func WithTrace(ctx context.Context, traceparent string) context.Context {
	var baggage []baggageEntry
	if old := metaOf(ctx); old != nil {
		baggage = old.baggage
	}
	return &metaContext{ctx, newMeta(baggage, traceparent)}
}

// Baggage yields the entries that travel with ctx, oldest first.
func Baggage(ctx context.Context) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if m := metaOf(ctx); m != nil {
			for _, e := range m.baggage {
				if !yield(e.key, e.value) {
					return
				}
			}
		}
	}
}

// Trace returns the trace parent that travels with ctx, or "".
func Trace(ctx context.Context) string {
	if m := metaOf(ctx); m != nil {
		return m.trace
	}
	return ""
}

func metaOf(ctx context.Context) *meta {
	m, _ := ctx.Value(metaKey{}).(*meta)
	return m
}

// merge adds b's entries to a's; b wins.
func merge(a, b *meta) *meta {
	if a == nil || a == b {
		return b
	}
	if b == nil {
		return a
	}
	m := newMeta(nil, b.trace)
	if m.trace == "" {
		m.trace = a.trace
	}
	for _, e := range a.baggage {
		if !b.has(e.key) {
			m.baggage = append(m.baggage, e)
		}
	}
	m.baggage = append(m.baggage, b.baggage...)
	return m
}

func (m *meta) has(key string) bool {
	for _, e := range m.baggage {
		if e.key == key {
			return true
		}
	}
	return false
}

// header returns the header of a plain message that carries m.
func (m *meta) header() *header {
	if m == nil {
		return nil
	}
	return &m.hdr
}
