package codec_test

import (
	"errors"
	"fmt"

	"github.com/foundation-runtime/foundation/cluster/codec"
)

type Order struct {
	ID    int64
	Lines []string
	Note  any // whatever is registered or built in
}

var ErrSoldOut = errors.New("sold out")

// Both nodes register the same names.
func Example() {
	r, err := codec.New(codec.Config{Types: []codec.Type{
		codec.TypeOf[Order]("order"), codec.ErrorOf("sold out", ErrSoldOut),
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	table, err := r.Table(r.Names()) // of a peer with the same types
	if err != nil {
		fmt.Println(err)
		return
	}

	b, err := r.Append(nil, &Order{7, []string{"tea"}, Order{ID: 6}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := table.Decode(b, nil)
	fmt.Printf("%d bytes: %+v %v\n", len(b), v, err)

	b, err = r.AppendError(nil, fmt.Errorf("order 7: %w", ErrSoldOut), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	failure, err := table.DecodeError(b, nil)
	fmt.Println(failure, errors.Is(failure, ErrSoldOut), err)

	_, err = r.Append(nil, struct{ X int }{1}, nil)
	fmt.Println(errors.Is(err, codec.ErrUnknownType))

	// Output:
	// 16 bytes: &{ID:7 Lines:[tea] Note:{ID:6 Lines:[] Note:<nil>}} <nil>
	// order 7: sold out true <nil>
	// true
}
