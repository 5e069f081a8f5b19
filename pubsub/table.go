package pubsub

import (
	"slices"
	"strings"
	"sync"
)

// entry is a topic or pattern that somebody is interested in.
type entry struct {
	name    string
	local   bucket    // subscribers here
	remotes []*stream // nodes with interest; replaced as a whole, read under the table's lock
}

func (e *entry) unused() bool { return e.local.count == 0 && len(e.remotes) == 0 }

// table finds who is interested in a topic. Readers take the lock for the time of a lookup.
type table struct {
	mu       sync.RWMutex // protects the fields below, and entry.remotes
	exact    map[string]*entry
	patterns node
	count    int       // patterns
	all      []*stream // nodes that get everything: what they want is not known completely
}

// node is a part of a pattern.
type node struct {
	next map[string]*node
	star *node  // for any part
	end  *entry // a pattern that ends here
	tail *entry // a pattern that ends here with ">"
}

func (n *node) empty() bool {
	return len(n.next) == 0 && n.star == nil && n.end == nil && n.tail == nil
}

func newTable() *table { return &table{exact: map[string]*entry{}} }

// get finds the entry of a topic or pattern; with add it makes one if there is none.
func (t *table) get(name string, wild, add bool) *entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.find(name, wild, add)
}

func (t *table) find(name string, wild, add bool) *entry {
	if !wild {
		e := t.exact[name]
		if e == nil && add {
			e = &entry{name: name}
			t.exact[name] = e
		}
		return e
	}
	n := &t.patterns
	for left, more := name, true; more; {
		var token string
		token, left, more = strings.Cut(left, ".")
		if token == rest {
			if n.tail == nil && add {
				n.tail = &entry{name: name}
				t.count++
			}
			return n.tail
		}
		child := n.next[token]
		if token == one {
			child = n.star
		}
		if child == nil {
			if !add {
				return nil
			}
			child = &node{}
			switch {
			case token == one:
				n.star = child
			case n.next == nil:
				n.next = map[string]*node{token: child}
			default:
				n.next[token] = child
			}
		}
		n = child
	}
	if n.end == nil && add {
		n.end = &entry{name: name}
		t.count++
	}
	return n.end
}

// tidy removes an entry that is not used any more.
func (t *table) tidy(name string, wild bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.find(name, wild, false)
	if e == nil || !e.unused() {
		return
	}
	if !wild {
		delete(t.exact, name)
		return
	}
	t.count--
	t.patterns.remove(name)
}

func (n *node) remove(name string) {
	token, left, more := strings.Cut(name, ".")
	if token == rest {
		n.tail = nil
		return
	}
	child := n.next[token]
	if token == one {
		child = n.star
	}
	if more {
		child.remove(left)
	} else {
		child.end = nil
	}
	if !child.empty() {
		return
	}
	if token == one {
		n.star = nil
	} else {
		delete(n.next, token)
	}
}

// match appends the entries that have subscribers here, and the nodes to send to, each once.
func (t *table) match(topic string, entries []*entry, nodes []*stream) ([]*entry, []*stream) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	nodes = append(nodes, t.all...)
	if e := t.exact[topic]; e != nil {
		entries, nodes = e.collect(entries, nodes)
	}
	if t.count > 0 {
		entries, nodes = t.patterns.match(topic, entries, nodes)
	}
	return entries, nodes
}

func (n *node) match(topic string, entries []*entry, nodes []*stream) ([]*entry, []*stream) {
	if n.tail != nil {
		entries, nodes = n.tail.collect(entries, nodes)
	}
	token, left, more := strings.Cut(topic, ".")
	for _, child := range [...]*node{n.next[token], n.star} {
		switch {
		case child == nil:
		case more:
			entries, nodes = child.match(left, entries, nodes)
		case child.end != nil:
			entries, nodes = child.end.collect(entries, nodes)
		}
	}
	return entries, nodes
}

func (e *entry) collect(entries []*entry, nodes []*stream) ([]*entry, []*stream) {
	if e.local.chunks.Load() != nil {
		entries = append(entries, e)
	}
	for _, s := range e.remotes {
		if !slices.Contains(nodes, s) {
			nodes = append(nodes, s)
		}
	}
	return entries, nodes
}

// want notes that a node is, or is not, interested in a topic or pattern.
func (t *table) want(name string, s *stream, yes bool) {
	wild, err := check(name, true)
	if err != nil {
		return // of a newer version, or nonsense: nothing that is published here matches
	}
	t.mu.Lock()
	e := t.find(name, wild, yes)
	if e != nil {
		switch i := slices.Index(e.remotes, s); {
		case yes && i < 0:
			e.remotes = append(slices.Clone(e.remotes), s)
		case !yes && i >= 0:
			e.remotes = slices.Delete(slices.Clone(e.remotes), i, i+1)
		}
	}
	t.mu.Unlock()
	if !yes {
		t.tidy(name, wild)
	}
}

// flood notes that a node is, or is not, sent everything.
func (t *table) flood(s *stream, yes bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch i := slices.Index(t.all, s); {
	case yes && i < 0:
		t.all = append(slices.Clone(t.all), s)
	case !yes && i >= 0:
		t.all = slices.Delete(slices.Clone(t.all), i, i+1)
	}
}

// names are the topics and patterns that somebody is interested in, here or elsewhere.
func (t *table) names() (all []string) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for name := range t.exact {
		all = append(all, name)
	}
	return t.patterns.names(all)
}

func (n *node) names(all []string) []string {
	for _, e := range [...]*entry{n.end, n.tail} {
		if e != nil {
			all = append(all, e.name)
		}
	}
	for _, child := range n.next {
		all = child.names(all)
	}
	if n.star != nil {
		all = n.star.names(all)
	}
	return all
}
