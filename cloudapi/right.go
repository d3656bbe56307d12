package cloudapi

import (
	"time"

	"github.com/grovecloud/grove"
)

// KeyRequest is POST /v1/grove-service/keys. What is left out is not allowed.
type KeyRequest struct {
	Name        string         `json:"name"`
	Scopes      []grove.Action `json:"scopes"`
	AllPrinters bool           `json:"all_printers,omitempty"`
	Printers    []string       `json:"printers,omitempty"`
	Network     string         `json:"network,omitempty"`
	ExpiresAt   time.Time      `json:"expires_at,omitzero"`
}

// KeyCreated is a key with its secret, told this once.
type KeyCreated struct {
	grove.Key
	Secret grove.Secret `json:"key"`
}

// ShareRequest is POST /v1/grove-service/shares. Without an address it makes a link.
type ShareRequest struct {
	Serial    string     `json:"device_id"`
	Email     string     `json:"email,omitempty"`
	Role      grove.Role `json:"role"`
	ExpiresAt time.Time  `json:"expires_at,omitzero"`
}

// ShareCreated is a share; with the token of its link, told this once, where it is one.
type ShareCreated struct {
	grove.Share
	Token grove.Secret `json:"token,omitempty"`
}

// ShareAccept is POST /v1/grove-service/shares/accept.
type ShareAccept struct {
	Token grove.Secret `json:"token"`
}

// RoleRequest is PUT /v1/grove-service/users/{id}/role.
type RoleRequest struct {
	Role grove.Role `json:"role"`
}
