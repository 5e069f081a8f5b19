//go:build tools

// Package consul names the Consul server that the end-to-end tests run, so that its version and the sums of everything
// it is built from stand in this module's go.mod and go.sum. It is a module of its own because the server is a tool for
// tests (BUSL-1.1): nothing of it is linked into, or needed by, what users of Foundation build.
package consul

import _ "github.com/hashicorp/consul"
