// Package find makes strategies of what the programs of the end-to-end tests are told: a kind, and a configuration as JSON.
package find

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/foundation-runtime/foundation/strategies"
	"github.com/foundation-runtime/foundation/strategies/consul"
	"github.com/foundation-runtime/foundation/strategies/dns"
	"github.com/foundation-runtime/foundation/strategies/file"
	"github.com/foundation-runtime/foundation/strategies/gossip"
	"github.com/foundation-runtime/foundation/strategies/mdns"
)

// Read makes a strategy. The configuration is that of its package; a field that is not known there is an error.
func Read(kind string, config io.Reader) (strategies.Strategy, error) {
	in := json.NewDecoder(config)
	in.DisallowUnknownFields()
	switch kind {
	case "consul":
		return build(in, consul.New)
	case "dns":
		return build(in, dns.New)
	case "file":
		return build(in, file.New)
	case "gossip":
		return build(in, gossip.New)
	case "mdns":
		return build(in, mdns.New)
	}
	return nil, fmt.Errorf("%q is no strategy; name consul, dns, file, gossip or mdns", kind)
}

func build[Config any, S strategies.Strategy](in *json.Decoder, create func(Config) (S, error)) (strategies.Strategy, error) {
	var c Config
	if err := in.Decode(&c); err != nil {
		return nil, fmt.Errorf("the configuration of the strategy: %w", err)
	}
	s, err := create(c)
	if err != nil {
		return nil, err
	}
	return s, nil
}
