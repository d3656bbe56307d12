package rest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// recorded is what a test asked a real house and was answered; the test writes it
// and holds it to what is answered now.
//
//go:embed examples.json
var recorded []byte

// example is one request to an operation and its answer.
type example struct {
	Params map[string]json.RawMessage `json:"params,omitempty"` // of the path and the query
	Body   json.RawMessage            `json:"body,omitempty"`
	Status int                        `json:"status"`
	Answer json.RawMessage            `json:"answer,omitempty"`
}

// examples are by the id of their operation.
var examples = sync.OnceValue(func() map[string]example {
	var all map[string]example
	if err := json.Unmarshal(recorded, &all); err != nil {
		panic(fmt.Errorf("read the examples: %w", err))
	}
	return all
})

// exemplify shows the example of an operation where readers and their tools look.
func exemplify(op *huma.Operation) {
	e, ok := examples()[op.OperationID]
	if !ok {
		return
	}
	for _, p := range op.Parameters {
		if value := e.Params[p.Name]; value != nil {
			p.Example = value
		}
	}
	if op.RequestBody != nil && e.Body != nil {
		op.RequestBody.Content["application/json"].Example = e.Body
	}
	if e.Answer == nil {
		return
	}
	code := strconv.Itoa(e.Status)
	for _, media := range op.Responses[code].Content {
		media.Example = e.Answer
	}
}
