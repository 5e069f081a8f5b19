package codec

import "unsafe"

// typeTable finds types by their words: a hash table that does not change once it is made, faster than a map.
type typeTable struct {
	slots []typeSlot // a power of two, less than half of them used
	shift uint
}

type typeSlot struct {
	word unsafe.Pointer
	ref  typeRef
}

func makeTypeTable(types map[unsafe.Pointer]typeRef) typeTable {
	bits := uint(4)
	for 1<<bits < 3*len(types) {
		bits++
	}
	t := typeTable{make([]typeSlot, 1<<bits), 64 - bits}
	for word, ref := range types {
		i := t.home(word)
		for t.slots[i].word != nil {
			i = (i + 1) & (len(t.slots) - 1)
		}
		t.slots[i] = typeSlot{word, ref}
	}
	return t
}

// home is where the search for a word begins.
func (t *typeTable) home(word unsafe.Pointer) int {
	return int(uint64(uintptr(word)) * 0x9e3779b97f4a7c15 >> t.shift)
}

func (t *typeTable) get(word unsafe.Pointer) (typeRef, bool) {
	for i := t.home(word); ; i = (i + 1) & (len(t.slots) - 1) {
		s := &t.slots[i]
		if s.word == word {
			return s.ref, word != nil
		}
		if s.word == nil {
			return typeRef{}, false
		}
	}
}
