package mailbox

// New makes the queue that spec describes: a [Priority] if it has Levels, a
// [Bounded] if it has only a Capacity, else an [Unbounded].
//
// The function level returns the level of a cell, which New cannot get with
// spec.Level when the message is a part of the cell. If it is nil, New calls
// spec.Level with the cell. It has no effect without spec.Levels.
//
// The error is that of spec.Validate, where level stands in for a missing
// spec.Level.
func New[T any](spec Spec, level func(T) int) (Queue[T], error) {
	checked := spec
	if level != nil && spec.Levels > 0 && spec.Level == nil {
		checked.Level = func(any) int { return 0 }
	}
	if err := checked.Validate(); err != nil {
		return nil, err
	}
	switch {
	case spec.Levels > 0:
		if level == nil && spec.Level != nil {
			level = func(v T) int { return spec.Level(v) }
		}
		return NewPriority(spec.Levels, level, spec.Capacity, spec.Overflow), nil
	case spec.Capacity > 0:
		return NewBounded[T](spec.Capacity, spec.Overflow), nil
	default:
		return new(Unbounded[T]), nil
	}
}
