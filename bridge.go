package grove

import "time"

// Bridge is the credential of a program in another network that carries the
// printers there to this cloud, and what is known of it.
type Bridge struct {
	ID        string    `json:"id"` // bridge_…
	UserID    int64     `json:"-"`  // whose printers it carries, and nobody else's
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	Hash      string    `json:"-"` // of its key, SHA-256 in hex
	BridgeSeen
}

// BridgeSeen is when and from where a bridge came last.
type BridgeSeen struct {
	// Epoch counts its arrivals; the later of two ends the other.
	Epoch     int64     `json:"epoch"`
	Connected bool      `json:"connected"`
	Since     time.Time `json:"since,omitzero"` // when it came
	Version   string    `json:"version,omitempty"`
	Address   string    `json:"address,omitempty"`
}

// NoBridge is the error for a bridge that is not there, or not the asker's.
func NoBridge(id string) *Error {
	return Errorf(NotFound, "bridge_not_found", "there is no bridge %.60q in this account; grove bridges lists those there are", id)
}
