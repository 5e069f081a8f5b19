package codec

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Table is how one peer numbers its types. It does not change, and may be used by any number of goroutines.
type Table struct {
	reg     *Registry
	names   []string
	entries []*entry // by the peer's numbers; nil for what this node does not know
}

// Table makes the table of a peer from the names it sent. Those that this node does not know are no fault before a value of
// that type arrives.
func (r *Registry) Table(names []string) (*Table, error) {
	if len(names) > MaxTypes {
		return nil, fmt.Errorf("%w: the peer has %d types, there can be %d", ErrLimit, len(names), MaxTypes)
	}
	t := &Table{reg: r, names: make([]string, len(names)), entries: make([]*entry, len(names))}
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		switch {
		case len(name) > MaxName:
			return nil, fmt.Errorf("%w: the name of the peer's type %d has %d bytes, there can be %d", ErrLimit, i, len(name), MaxName)
		case name == "" || seen[name]:
			return nil, fmt.Errorf("%w: the name %q of the peer's type %d is empty or there twice", ErrMalformed, name, i)
		}
		seen[name] = true
		t.names[i], t.entries[i] = name, r.byName[name]
	}
	return t, nil
}

// entry returns what the peer's number stands for.
func (t *Table) entry(index uint64) (*entry, error) {
	if index >= uint64(len(t.entries)) {
		return nil, fmt.Errorf("%w: type number %d, but the peer named %d types", ErrMalformed, index, len(t.entries))
	}
	if e := t.entries[index]; e != nil {
		return e, nil
	}
	return nil, fmt.Errorf("%w: the peer sent a %q: add cluster.TypeOf[...](%q) to Config.Types of this node",
		ErrUnknownType, t.names[index], t.names[index])
}

// guard checks the structure of d.b. It comes before everything that trusts a count or a length.
func (d *decoder) guard() error {
	return guardFault(d.table.reg.limits.guard().Scan(d.b))
}

// decoder returns what reads body, which came in size bytes.
func (t *Table) decoder(body []byte, size int, refs Refs) (decoder, error) {
	if limit := t.reg.limits.MaxBytes; len(body) > limit {
		return decoder{}, fmt.Errorf("%w: it has %d bytes, the limit is %d", ErrLimit, len(body), limit)
	}
	return decoder{b: body, table: t, refs: refs, left: allocFactor*int64(size) + allocBase}, nil
}

// Decode reads what the peer's Append wrote. It does not keep b. A value that is not what was sent with the types of both
// nodes is [ErrMalformed]; a type this node does not know is [ErrUnknownType].
func (t *Table) Decode(b []byte, refs Refs) (any, error) {
	number, n := binary.Uvarint(b)
	if n <= 0 || number > math.MaxUint32 {
		return nil, fmt.Errorf("%w: there is no type number", ErrMalformed)
	}
	e, err := t.entry(number >> 1)
	if err != nil {
		return nil, err
	}
	d, err := t.decoder(b[n:], len(b), refs)
	if err != nil {
		return nil, err
	}
	if !e.flat {
		if err := d.guard(); err != nil {
			return nil, err
		}
		return d.numbered(number)
	}
	if err := d.charge(e.plan.size); err != nil {
		return nil, err
	}
	word := e.word
	if number&1 != 0 {
		word = e.ptrWord
		if len(d.b) == 1 && d.b[0] == codeNil {
			return box(word, nil), nil
		}
	}
	p := e.alloc()
	if !d.flat(e.plan, p) {
		if err := d.guard(); err != nil {
			return nil, err
		}
		if err := d.value(e.plan, p); err != nil {
			return nil, err
		}
	}
	return box(word, p), nil
}

// DecodeError reads what the peer's AppendError wrote: the first result. It does not keep b.
func (t *Table) DecodeError(b []byte, refs Refs) (failure, err error) {
	d, err := t.decoder(b, len(b), refs)
	if err == nil {
		err = d.guard()
	}
	if err != nil {
		return nil, err
	}
	return d.failure()
}
