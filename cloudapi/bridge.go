package cloudapi

import "github.com/grovecloud/grove"

// BridgeRequest is POST /v1/grove-service/bridges.
type BridgeRequest struct {
	Name string `json:"name"` // of the network it is in
}

// BridgeCreated is a bridge with its key, told this once.
type BridgeCreated struct {
	grove.Bridge
	Secret grove.Secret `json:"key"`
}
