package codec

import (
	"reflect"
	"unsafe"
)

// eface is how an any lies in memory: a type, and a pointer to the value or, if the value is one pointer, the value.
type eface struct {
	word, data unsafe.Pointer
}

// wordOf identifies the type of v: a pointer to what package runtime knows of it.
func wordOf(v any) unsafe.Pointer { return (*eface)(unsafe.Pointer(&v)).word }

func dataOf(v any) unsafe.Pointer { return (*eface)(unsafe.Pointer(&v)).data }

// box makes an any of a type word and data. It takes over what p points to.
func box(word, data unsafe.Pointer) (v any) {
	*(*eface)(unsafe.Pointer(&v)) = eface{word, data}
	return v
}

// spill returns the address of a place that holds p.
//
//go:noinline
func spill(p unsafe.Pointer) unsafe.Pointer {
	place := new(unsafe.Pointer)
	*place = p
	return unsafe.Pointer(place)
}

// isDirect reports whether an any holds a t itself rather than a pointer to it. Only then can its data be nil.
func isDirect(t reflect.Type) bool { return dataOf(reflect.Zero(t).Interface()) == nil }
