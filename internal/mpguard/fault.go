package mpguard

import "fmt"

// Kind is what is wrong with bytes that are not accepted.
type Kind uint8

const (
	None      Kind = iota // nothing
	Truncated             // the bytes end though values are still to come
	Length                // a value is longer than the bytes that are left
	Count                 // more values are claimed than bytes are left
	Depth                 // nested deeper than Limits.Depth
	Elements              // more elements than Limits.Elements
	Reserved              // the format 0xc1, which msgpack does not use
	Trailing              // bytes follow the value
)

// Fault is why bytes are not accepted. It is an error.
type Fault struct {
	Kind   Kind
	Offset int    // of the head that is wrong
	Format byte   // its first byte, if there is one
	Got    uint64 // what the head claims, or comes to: bytes, values, levels, elements
	Limit  uint64 // what there is, or is allowed
}

// Error says where, what was exceeded, and by how much.
func (f Fault) Error() string {
	return fmt.Sprintf("mpguard: byte %d: %s", f.Offset, f.what())
}

func (f Fault) what() string {
	switch f.Kind {
	case None:
		return "no fault"
	case Truncated:
		return fmt.Sprintf("the bytes end, values still to come: %d", f.Got)
	case Length:
		return fmt.Sprintf("format 0x%02x takes %d bytes, left are %d", f.Format, f.Got, f.Limit)
	case Count:
		return fmt.Sprintf("after format 0x%02x there are %d values to come, bytes left are %d", f.Format, f.Got, f.Limit)
	case Depth:
		return fmt.Sprintf("nested %d deep, the limit is %d", f.Got, f.Limit)
	case Elements:
		return fmt.Sprintf("%d elements so far, the limit is %d", f.Got, f.Limit)
	case Reserved:
		return "format 0xc1 is not msgpack"
	case Trailing:
		return fmt.Sprintf("%d bytes follow the value", f.Got)
	}
	return fmt.Sprintf("fault %d", f.Kind)
}
