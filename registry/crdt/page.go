package crdt

// PageRequest asks an owner for the next page of all its entries. The one with zero numbers starts an exchange.
type PageRequest struct {
	Origin Origin
	Base   uint64 // of the exchange, as the first page said
	Upto   uint64 // operations that are in what was collected
	After  uint64 // entries up to this number were collected
}

// Item is a record within its owner's shard.
type Item struct {
	Seq uint64
	Entry
}

// Page is a part of a full exchange. The owner keeps no state for it: the request says where to go on. An exchange
// collects the entries up to number Base that are live when their page is made; operations since ride along, so that
// the last page completes a state that the owner really had.
type Page struct {
	Origin Origin
	Base   uint64 // the owner's last operation when the exchange began
	First  uint64 // number of the first of Ops
	Ops    []Op
	After  uint64 // Items are all live entries above After
	Cursor uint64 // up to and with Cursor
	Items  []Item
	Done   bool
}

// Page answers a request with at most about maxBytes, but at least one operation or item. A request that cannot be
// continued, because the ring has passed its operations, is answered with a first page: the exchange starts anew.
func (s *Store) Page(q PageRequest, maxBytes int) Page {
	own := s.own
	if q.Origin != own.origin || q.Base == 0 || q.Base > q.Upto || q.Upto > own.upto || q.After > q.Base ||
		own.upto-q.Upto > uint64(len(s.ring)) {
		q = PageRequest{own.origin, own.upto, own.upto, 0}
	}
	p := Page{Origin: own.origin, Base: q.Base, First: q.Upto + 1, After: q.After, Cursor: q.After}
	p.Ops = s.opsAfter(q.Upto, maxBytes)
	for i := range p.Ops {
		maxBytes -= p.Ops[i].size()
	}
	i, _ := own.find(q.After + 1)
	for ; i < len(own.slots) && own.slots[i].seq <= q.Base; i++ {
		r := own.slots[i].record
		if r == nil {
			continue
		}
		if maxBytes -= r.size(); maxBytes < 0 && len(p.Ops)+len(p.Items) > 0 {
			return p
		}
		p.Items = append(p.Items, Item{r.Seq, r.Entry})
		p.Cursor = r.Seq
	}
	p.Cursor = q.Base
	// While operations are left, the last item may be one that a later operation ended already: not a state to show.
	p.Done = q.Upto+uint64(len(p.Ops)) == own.upto
	return p
}

// staging collects pages beside the shard that is shown, so that nothing vanishes during an exchange.
type staging struct {
	base   uint64
	cursor uint64
	old    *shard // entries up to base
	recent *shard // of the operations after base
}

// request asks for what comes behind what was collected.
func (st *staging) request() PageRequest {
	return PageRequest{st.old.origin, st.base, st.recent.upto, st.cursor}
}

// PageRequest is what to ask o for: the page after those that arrived, or the first one. Sending it again after a while
// without an answer makes up for a lost page.
func (s *Store) PageRequest(o Origin) PageRequest {
	if p := s.peers[o.Node]; p != nil && p.newest == o.Incarnation && p.staging != nil {
		return p.staging.request()
	}
	return PageRequest{Origin: o}
}

// ApplyPage takes a page from its owner. If more pages are needed, next is the request for the one that follows; it is
// nil when the exchange is complete, and after a page that is refused or not the one waited for, as a repeated one is.
func (s *Store) ApplyPage(page Page) (next *PageRequest, changes []Change, v Verdict) {
	p, changes, v := s.admit(page.Origin)
	if p == nil {
		return nil, nil, v
	}
	if page.After == 0 && page.First == page.Base+1 && len(page.Ops) == 0 && !p.expects(&page) {
		p.staging = &staging{base: page.Base, old: &shard{origin: page.Origin},
			recent: &shard{origin: page.Origin, upto: page.Base}}
	}
	if !p.expects(&page) {
		return nil, changes, InSync
	}
	if !p.staging.add(&page) {
		p.staging = nil
		return nil, changes, Diverged
	}
	if !page.Done {
		q := p.staging.request()
		return &q, changes, Behind
	}
	st := p.staging
	p.staging = nil
	return nil, append(changes, s.install(p, st)...), InSync
}

// expects reports whether page continues what was collected.
func (p *peer) expects(page *Page) bool {
	st := p.staging
	return st != nil && page.Base == st.base && page.After == st.cursor && page.First == st.recent.upto+1
}

// add is false if the page is no page that an owner would make.
func (st *staging) add(page *Page) bool {
	last := page.After
	for i := range page.Items {
		it := &page.Items[i]
		if it.Seq <= last || it.Seq > page.Cursor {
			return false
		}
		last = it.Seq
		st.old.put(it.Seq, it.Entry)
	}
	if page.Cursor < page.After || page.Cursor > page.Base || (page.Done && page.Cursor != page.Base) {
		return false
	}
	if !page.Done && len(page.Items)+len(page.Ops) == 0 && page.Cursor == page.After {
		return false // no progress: asking again would go on for ever
	}
	st.cursor = page.Cursor
	for i := range page.Ops {
		if drop := page.Ops[i].Drop; drop != 0 && drop <= st.base {
			st.old.drop(drop)
		}
		st.recent.apply(&page.Ops[i])
	}
	return true
}

// install replaces the shard of p by what was collected, unless deltas have brought it further meanwhile.
func (s *Store) install(p *peer, st *staging) (changes []Change) {
	if p.shard != nil && p.shard.upto > st.recent.upto {
		return nil
	}
	fresh := &shard{origin: st.old.origin, upto: st.recent.upto, visible: p.up}
	for _, part := range []*shard{st.old, st.recent} {
		part.records(func(r *Record) bool { fresh.put(r.Seq, r.Entry); return true })
	}
	before := p.shard
	if before == nil {
		before = &shard{}
	}
	fresh.records(func(r *Record) bool {
		old := before.get(r.Seq)
		s.reindex(old, r)
		if old == nil || old.Entry != r.Entry {
			changes = fresh.changed(changes, old, r)
		}
		return true
	})
	before.records(func(r *Record) bool {
		if fresh.get(r.Seq) == nil {
			s.reindex(r, nil)
			changes = fresh.changed(changes, r, nil)
		}
		return true
	})
	p.shard = fresh
	return changes
}
