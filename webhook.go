package grove

import "time"

// Endpoint is a webhook endpoint: where to send which events.
type Endpoint struct {
	ID          string      `json:"id"`
	UserID      int64       `json:"-"`
	URL         string      `json:"url"`
	Events      []EventType `json:"events"`
	Description string      `json:"description"`
	Enabled     bool        `json:"enabled"`
	Disabled    string      `json:"disabled_reason,omitempty"` // why the server switched it off
	Secret      Secret      `json:"-"`                         // whsec_…; shown once, sealed at rest
	CreatedAt   time.Time   `json:"created_at"`
	Version     int64       `json:"-"`
}

// DeliveryState is how far a delivery has come.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryFailed    DeliveryState = "failed" // given up after three days; replay starts anew
)

// Delivery is one event on its way to one endpoint. ID is the webhook-id header,
// the same in every attempt.
type Delivery struct {
	ID           string        `json:"id"`
	EndpointID   string        `json:"endpoint_id"`
	EventID      int64         `json:"event_id"`
	Type         EventType     `json:"type"`
	Body         []byte        `json:"-"` // exactly what is signed and sent
	State        DeliveryState `json:"state"`
	Attempts     int           `json:"attempts"`
	NextAt       time.Time     `json:"next_attempt_at,omitzero"`
	LastStatus   int           `json:"last_status"` // HTTP status of the last answer; 0 none
	LastError    string        `json:"last_error,omitempty"`
	LastResponse string        `json:"last_response,omitempty"` // first 4 KiB of the answer
	LastSeconds  float64       `json:"last_seconds"`            // how long the last attempt took, to the millisecond
	CreatedAt    time.Time     `json:"created_at"`
	DeliveredAt  time.Time     `json:"delivered_at,omitzero"`
}
