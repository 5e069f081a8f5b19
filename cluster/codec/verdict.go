package codec

import (
	"errors"
	"math"
	"unsafe"

	"github.com/foundation-runtime/foundation/actor"
)

// failure reads an error.
func (d *decoder) failure() (error, error) {
	if d.null() {
		return nil, nil
	}
	start := d.i
	n, err := d.array("an error")
	if err != nil {
		return nil, err
	}
	if n < 2 || n > 4 {
		return nil, malformed(start, "an error of %d elements", n)
	}
	form, err := d.uint(math.MaxUint8)
	if err != nil {
		return nil, err
	}
	if err := d.charge(64); err != nil {
		return nil, err
	}
	switch {
	case form == errSentinel && n == 3:
		return d.sentinel()
	case form == errValue && n == 4:
		return d.errorValue()
	case form == errExit && n == 3:
		x := &actor.ExitError{}
		if x.PID, err = d.pid(); err == nil {
			x.Reason, err = d.failure()
		}
		if err != nil {
			return nil, err
		}
		return x, nil
	case form == errPanic && n == 3:
		return d.panicked()
	case form == errRemote && n >= 3:
		return d.remote(n)
	}
	return nil, malformed(start, "an error of form %d with %d elements", form, n)
}

// sentinel reads one that keeps its identity. Of one that this node does not know, the text is left.
func (d *decoder) sentinel() (error, error) {
	start := d.i
	index, err := d.uint(math.MaxUint32)
	if err != nil {
		return nil, err
	}
	e, err := d.table.entry(index)
	if errors.Is(err, ErrUnknownType) {
		return d.stranger(d.table.names[index])
	}
	if err != nil {
		return nil, err
	}
	if e.kind != kindSentinel {
		return nil, malformed(start, "%q is not an error", e.name)
	}
	return e.sentinel, d.skip()
}

// errorValue reads an error of a registered type. Of one that this node does not know, the text is left.
func (d *decoder) errorValue() (error, error) {
	start := d.i
	number, err := d.uint(math.MaxUint32)
	if err != nil {
		return nil, err
	}
	if _, err := d.table.entry(number >> 1); errors.Is(err, ErrUnknownType) {
		if err := d.skip(); err != nil {
			return nil, err
		}
		return d.stranger(d.table.names[number>>1])
	}
	v, err := d.numbered(number)
	if err != nil {
		return nil, err
	}
	failure, ok := v.(error)
	if !ok {
		return nil, malformed(start, "a %T is not an error", v)
	}
	return failure, d.skip()
}

// stranger reads the text of an error that the peer has under a name of its own.
func (d *decoder) stranger(name string) (error, error) {
	x := &RemoteError{Type: name}
	if err := d.setString(unsafe.Pointer(&x.Text)); err != nil {
		return nil, err
	}
	if x.Text == "" {
		x.Text = name
	}
	return x, nil
}

func (d *decoder) panicked() (error, error) {
	x := &actor.PanicError{}
	var err error
	if x.Value, err = d.any(); err != nil {
		return nil, err
	}
	stack, err := d.bin()
	if err == nil {
		err = d.charge(uintptr(len(stack)))
	}
	if err != nil {
		return nil, err
	}
	x.Stack = append(x.Stack, stack...)
	return x, nil
}

func (d *decoder) remote(n int) (error, error) {
	x := &RemoteError{}
	for _, to := range []*string{&x.Text, &x.Type} {
		if err := d.setString(unsafe.Pointer(to)); err != nil {
			return nil, err
		}
	}
	if n < 4 {
		return x, nil
	}
	n, err := d.array("causes")
	if err != nil {
		return nil, err
	}
	if err := d.charge(uintptr(n) * 16); err != nil {
		return nil, err
	}
	x.Causes = make([]error, 0, n)
	for range n {
		cause, err := d.failure()
		if err != nil {
			return nil, err
		}
		if cause != nil {
			x.Causes = append(x.Causes, cause)
		}
	}
	return x, nil
}
