package codec

import (
	"fmt"
	"reflect"
	"unsafe"
)

// The two most frequent maps have code of their own, without reflection: opDict and opTexts.

// dictOp returns the op of a map.
func dictOp(t reflect.Type) op {
	if t.Key() == reflect.TypeFor[string]() {
		switch t.Elem() {
		case typeAny:
			return opDict
		case t.Key():
			return opTexts
		}
	}
	return opMap
}

// openMap appends the head of a map that is not nil.
func (e *encoder) openMap(b []byte, pl *plan, n, depth int) ([]byte, error) {
	e.cost += memory(mapCost(n, pl.key.size+pl.elem.size))
	if err := e.enter(b, 2*n, depth); err != nil {
		return b, err
	}
	return appendMap(b, n), nil
}

func (e *encoder) dict(b []byte, pl *plan, m map[string]any, depth int) ([]byte, error) {
	if m == nil {
		return append(b, codeNil), nil
	}
	b, err := e.openMap(b, pl, len(m), depth)
	if err != nil {
		return b, err
	}
	for k, v := range m {
		if b, err = e.text(b, k); err != nil {
			return b, err
		}
		if b, err = e.any(b, v, depth+1); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (e *encoder) texts(b []byte, pl *plan, m map[string]string, depth int) ([]byte, error) {
	if m == nil {
		return append(b, codeNil), nil
	}
	b, err := e.openMap(b, pl, len(m), depth)
	if err != nil {
		return b, err
	}
	for k, v := range m {
		if b, err = e.text(b, k); err != nil {
			return b, err
		}
		if b, err = e.text(b, v); err != nil {
			return b, err
		}
	}
	return b, nil
}

// text appends a string.
func (e *encoder) text(b []byte, s string) ([]byte, error) {
	if err := e.room(b, len(s)); err != nil {
		return b, err
	}
	return appendString(b, s), nil
}

// mapping appends a map of any other type.
func (e *encoder) mapping(b []byte, pl *plan, p unsafe.Pointer, depth int) ([]byte, error) {
	m := reflect.NewAt(pl.typ, p).Elem()
	if m.IsNil() {
		return append(b, codeNil), nil
	}
	n := m.Len()
	b, err := e.openMap(b, pl, n, depth)
	if err != nil {
		return b, err
	}
	e.cost += memory(pl.key.size) + memory(pl.elem.size)
	key, elem := reflect.New(pl.key.typ), reflect.New(pl.elem.typ)
	for it := m.MapRange(); it.Next(); n-- {
		key.Elem().SetIterKey(it)
		elem.Elem().SetIterValue(it)
		if b, err = e.value(b, pl.key, key.UnsafePointer(), depth+1); err != nil {
			return b, err
		}
		if b, err = e.value(b, pl.elem, elem.UnsafePointer(), depth+1); err != nil {
			return b, err
		}
	}
	if n != 0 {
		return b, fmt.Errorf("cluster/codec: a %v changed while it was written", pl.typ)
	}
	return b, nil
}

// mapCost is about what a map of n entries takes: groups of eight, and room to grow.
func mapCost(n int, entry uintptr) uintptr {
	const head, group = 48, 8
	switch {
	case n == 0:
		return head
	case n <= group:
		return head + group*(entry+1)
	}
	slots := uintptr(2 * group)
	for slots*7/8 < uintptr(n) {
		slots *= 2
	}
	return head + 128 + slots*(entry+1)
}

// openMap reads the head of a map that is not nil.
func (d *decoder) openMap(pl *plan) (int, error) {
	n, err := d.dict("a map")
	if err != nil {
		return 0, err
	}
	return n, d.charge(mapCost(n, pl.key.size+pl.elem.size))
}

func (d *decoder) anys(pl *plan) (map[string]any, error) {
	if d.null() {
		return nil, nil
	}
	n, err := d.openMap(pl)
	if err != nil {
		return nil, err
	}
	m := make(map[string]any, n)
	for range n {
		k, err := d.text()
		if err != nil {
			return nil, err
		}
		if m[k], err = d.any(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (d *decoder) texts(pl *plan) (map[string]string, error) {
	if d.null() {
		return nil, nil
	}
	n, err := d.openMap(pl)
	if err != nil {
		return nil, err
	}
	m := make(map[string]string, n)
	for range n {
		k, err := d.text()
		if err != nil {
			return nil, err
		}
		if m[k], err = d.text(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// mapping sets the map at p, of any other type.
func (d *decoder) mapping(pl *plan, p unsafe.Pointer) error {
	if d.null() {
		return nil
	}
	n, err := d.openMap(pl)
	if err != nil {
		return err
	}
	m := reflect.MakeMapWithSize(pl.typ, n)
	reflect.NewAt(pl.typ, p).Elem().Set(m)
	if n == 0 {
		return nil
	}
	if err := d.charge(pl.key.size); err != nil {
		return err
	}
	if err := d.charge(pl.elem.size); err != nil {
		return err
	}
	key, elem := reflect.New(pl.key.typ), reflect.New(pl.elem.typ)
	for range n {
		start := d.i
		key.Elem().SetZero()
		elem.Elem().SetZero()
		if err := d.value(pl.key, key.UnsafePointer()); err != nil {
			return err
		}
		if !key.Elem().Comparable() {
			return malformed(start, "this %v cannot be the key of a map", pl.key.typ)
		}
		if err := d.value(pl.elem, elem.UnsafePointer()); err != nil {
			return err
		}
		m.SetMapIndex(key.Elem(), elem.Elem())
	}
	return nil
}
