package codec

import "reflect"

// Is reports whether t names the values of typ, or of pointers to it.
func (t Type) Is(typ reflect.Type) bool {
	if typ != nil && typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	return t.typ != nil && t.typ == typ
}
