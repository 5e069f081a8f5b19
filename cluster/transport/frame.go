package transport

import (
	"encoding/binary"
	"fmt"
)

// A frame on a lane's connection, all numbers little endian:
//
//	 0  u32  length of the payload
//	 4  u8   kind
//	 5  u8   flags: 1 = the payload is compressed with S2
//	 6  u16  0
//	 8  u64  number of the frame on its lane, 1, 2, 3, …; 0 if the kind is not numbered
//	16  u64  the greatest number received on this lane without a hole, an acknowledgement of all up to it
//	24       payload
//
//	kind         numbered  payload
//	1 batch      yes       records, each behind its length as a uvarint
//	2 first      yes       the length of a large record as a uvarint, then its beginning
//	3 more       yes       the next piece of that record; the last one completes the length
//	4 ack        no        empty
//	5 goodbye    no        empty; the sender has nothing more to say and everything it said was acknowledged
const (
	headerSize = 24

	kindBatch   = 1
	kindFirst   = 2
	kindMore    = 3
	kindAck     = 4
	kindGoodbye = 5

	flagCompressed = 1
)

// segmentSize is how much a lane writes at once, and the size of the largest frame that is written. Larger ones are read, up to
// Limits.Frame.
const segmentSize = 64 << 10

// chunkSize is the size of the pieces of a large record; a record longer than that is large.
const chunkSize = segmentSize - headerSize - binary.MaxVarintLen32

type header struct {
	length uint32
	kind   uint8
	flags  uint8
	seq    uint64
	ack    uint64
}

func (h header) put(b []byte) {
	_ = b[headerSize-1]
	binary.LittleEndian.PutUint32(b, h.length)
	b[4], b[5], b[6], b[7] = h.kind, h.flags, 0, 0
	binary.LittleEndian.PutUint64(b[8:], h.seq)
	binary.LittleEndian.PutUint64(b[16:], h.ack)
}

func getHeader(b []byte) header {
	_ = b[headerSize-1]
	return header{
		length: binary.LittleEndian.Uint32(b),
		kind:   b[4],
		flags:  b[5],
		seq:    binary.LittleEndian.Uint64(b[8:]),
		ack:    binary.LittleEndian.Uint64(b[16:]),
	}
}

// parseHeader reads a header that a peer wrote and says what is wrong with it.
func parseHeader(b []byte, maxFrame int) (header, error) {
	h := getHeader(b)
	numbered := h.kind == kindBatch || h.kind == kindFirst || h.kind == kindMore
	switch {
	case h.kind < kindBatch || h.kind > kindGoodbye:
		return h, fmt.Errorf("%w: kind %d is unknown", ErrMalformed, h.kind)
	case uint64(h.length) > uint64(maxFrame):
		return h, fmt.Errorf("%w: a payload of %d bytes; Limits.Frame is %d", ErrMalformed, h.length, maxFrame)
	case h.flags&^flagCompressed != 0 || b[6] != 0 || b[7] != 0:
		return h, fmt.Errorf("%w: unknown flags", ErrMalformed)
	case numbered && (h.seq == 0 || h.length == 0):
		return h, fmt.Errorf("%w: frame without number or payload", ErrMalformed)
	case !numbered && (h.seq != 0 || h.length != 0 || h.flags != 0):
		return h, fmt.Errorf("%w: kind %d has neither number nor payload", ErrMalformed, h.kind)
	}
	return h, nil
}

// cutRecord cuts the first record off a batch.
func cutRecord(batch []byte) (rec, rest []byte, err error) {
	n, k := uint64(batch[0]), 1
	if n >= 0x80 {
		if n, k = binary.Uvarint(batch); k <= 0 {
			return nil, nil, fmt.Errorf("%w: the length of a record does not end", ErrMalformed)
		}
	}
	if n > uint64(len(batch)-k) {
		return nil, nil, fmt.Errorf("%w: a record of %d bytes in the last %d of a batch", ErrMalformed, n, len(batch)-k)
	}
	end := k + int(n)
	return batch[k:end:end], batch[end:], nil
}

func uvarintLen(n int) int {
	k := 1
	for ; n >= 0x80; n >>= 7 {
		k++
	}
	return k
}
