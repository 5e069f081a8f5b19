package mpguard

const (
	// DefaultDepth is how deep arrays and maps may be nested if [Limits] do not say.
	DefaultDepth = 32
	// DefaultElements is how many elements a value may have in all if [Limits] do not say.
	DefaultElements = 64 << 10
	// MaxDepth is the most that [Limits].Depth can allow.
	MaxDepth = 64
)

// Limits say what is accepted. The zero value has the defaults.
type Limits struct {
	// Depth is how deep arrays and maps may be nested: 1 allows arrays of scalars, and maps of scalars to scalars. Zero
	// or less is [DefaultDepth], more than [MaxDepth] is MaxDepth.
	Depth int
	// Elements is how many elements all arrays and maps may have together; a map's keys and values count one each. Zero
	// or less is [DefaultElements].
	Elements int
}

// bounded returns l with every field filled in.
func (l Limits) bounded() Limits {
	if l.Depth <= 0 {
		l.Depth = DefaultDepth
	}
	if l.Elements <= 0 {
		l.Elements = DefaultElements
	}
	l.Depth = min(l.Depth, MaxDepth)
	return l
}

// Check is [Limits.Check] with the defaults.
func Check(b []byte) error { return Limits{}.Check(b) }

// Check reports what is wrong with b as a [Fault], or nil if it is one whole msgpack value within the limits. Bytes that
// fail must not reach a decoder.
func (l Limits) Check(b []byte) error {
	if f := l.Scan(b); f.Kind != None {
		return f
	}
	return nil
}

// Scan is Check for those who count allocations: a Fault of kind [None] means that b is accepted.
func (l Limits) Scan(b []byte) Fault {
	l = l.bounded()
	var (
		open     [MaxDepth + 1]uint64 // values that each level still waits for; the whole is level 0
		level    int
		pending  = uint64(1) // their sum: each of them needs a byte at least
		elements uint64
	)
	open[0] = 1
	for i := 0; ; {
		if i == len(b) {
			return Fault{Kind: Truncated, Offset: i, Got: pending}
		}
		h := head{size: 1}
		if c := b[i]; c >= mapFix && c < negFix { // not a small integer, the most frequent of all
			h = parse(b[i:])
		}
		left := uint64(len(b) - i)
		if h.kind != None {
			return Fault{Kind: h.kind, Offset: i, Format: b[i], Got: h.size, Limit: left}
		}
		if h.size > left {
			return Fault{Kind: Length, Offset: i, Format: b[i], Got: h.size, Limit: left}
		}
		left -= h.size
		open[level]--
		pending--
		if h.container {
			pending += h.values
			elements += h.values
			switch {
			case pending > left:
				return Fault{Kind: Count, Offset: i, Format: b[i], Got: pending, Limit: left}
			case elements > uint64(l.Elements):
				return Fault{Kind: Elements, Offset: i, Format: b[i], Got: elements, Limit: uint64(l.Elements)}
			case level == l.Depth:
				return Fault{Kind: Depth, Offset: i, Format: b[i], Got: uint64(level + 1), Limit: uint64(l.Depth)}
			}
			level++
			open[level] = h.values
		}
		i += int(h.size)
		for open[level] == 0 {
			if level == 0 {
				return trailing(b, i)
			}
			level--
		}
	}
}

// trailing looks at what follows the value, which ended before b[i].
func trailing(b []byte, i int) Fault {
	if i == len(b) {
		return Fault{}
	}
	return Fault{Kind: Trailing, Offset: i, Format: b[i], Got: uint64(len(b) - i)}
}
