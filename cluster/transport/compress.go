package transport

import (
	"fmt"

	"github.com/klauspost/compress/s2"
)

// squeeze returns b, which is whole frames, with those compressed that are at least threshold long and gain by it.
func squeeze(to, b []byte, threshold int) []byte {
	to = to[:0]
	for len(b) > 0 {
		h := getHeader(b)
		end := headerSize + int(h.length)
		frame := b[:end]
		b = b[end:]
		if int(h.length) < threshold {
			to = append(to, frame...)
			continue
		}
		at := len(to)
		room := at + headerSize + s2.MaxEncodedLen(int(h.length))
		if cap(to) < room {
			to = append(make([]byte, 0, 2*room), to...)
		}
		packed := s2.Encode(to[at+headerSize:room], frame[headerSize:])
		if len(packed) >= int(h.length) {
			to = append(to, frame...)
			continue
		}
		h.length, h.flags = uint32(len(packed)), flagCompressed
		to = to[:at+headerSize+len(packed)]
		h.put(to[at:])
	}
	return to
}

// expand undoes it. What it becomes is bounded before it is made.
func (in *inbound) expand(h header, payload []byte, limit int) ([]byte, error) {
	if h.flags&flagCompressed == 0 {
		return payload, nil
	}
	n, err := s2.DecodedLen(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if n == 0 || n > limit {
		return nil, fmt.Errorf("%w: a payload of %d bytes when expanded; Limits.Frame is %d", ErrMalformed, n, limit)
	}
	if cap(in.plain) < n {
		in.plain = make([]byte, max(n, segmentSize))
	}
	b, err := s2.Decode(in.plain[:n], payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return b, nil
}
