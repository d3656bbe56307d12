package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

const bindPath = "/v1/iot-service/api/user/bind"

// Devices lists the account's printers as every server of the API shows them.
func (c *Client) Devices(ctx context.Context) ([]cloudapi.Device, error) {
	var out cloudapi.Devices
	err := c.call(ctx, http.MethodGet, bindPath, nil, &out)
	return out.Devices, err
}

// Bind makes a printer the account's own. The device secret in the answer is
// shown this once.
func (c *Client) Bind(ctx context.Context, in cloudapi.BindRequest) (cloudapi.Bound, error) {
	var out cloudapi.Bound
	err := c.call(ctx, http.MethodPost, bindPath, in, &out)
	return out, err
}

// Unbind gives a printer up.
func (c *Client) Unbind(ctx context.Context, serial string) error {
	return c.call(ctx, http.MethodDelete, query(bindPath, url.Values{"dev_id": {serial}}), nil, nil)
}

// Rename changes a printer's name.
func (c *Client) Rename(ctx context.Context, serial, name string) error {
	return c.call(ctx, http.MethodPatch, "/v1/iot-service/api/user/device/info", cloudapi.DeviceRename{DeviceID: serial, Name: name}, nil)
}

// Versions tells the firmware of a printer, or of all with an empty serial.
func (c *Client) Versions(ctx context.Context, serial string) ([]cloudapi.DeviceVersion, error) {
	q := url.Values{}
	if serial != "" {
		q.Set("dev_id", serial)
	}
	var out cloudapi.Versions
	err := c.call(ctx, http.MethodGet, query("/v1/iot-service/api/user/device/version", q), nil, &out)
	return out.Devices, err
}

// Printers lists the account's printers with their live state. Grove only.
func (c *Client) Printers(ctx context.Context, page grove.Page) (grove.List[grove.Live], error) {
	return list[grove.Live](ctx, c, printersPath, pages(nil, page))
}

// Printer is one printer with its live state. Grove only.
func (c *Client) Printer(ctx context.Context, serial string) (grove.Live, error) {
	return own[grove.Live](ctx, c, http.MethodGet, printerPath(serial), nil)
}

// ChangePrinter gives a printer another name, or other tags. Grove only.
func (c *Client) ChangePrinter(ctx context.Context, serial string, in cloudapi.PrinterEdit) (grove.Printer, error) {
	return own[grove.Printer](ctx, c, http.MethodPatch, printerPath(serial), in)
}

// ClearPlate confirms that a printer's plate is empty, so that the next job may
// start. Grove only.
func (c *Client) ClearPlate(ctx context.Context, serial string) (grove.Printer, error) {
	return own[grove.Printer](ctx, c, http.MethodPost, printerPath(serial)+"/plate-clear", nil)
}

// Command sends one command, a whole MQTT message such as
// {"print":{"command":"pause"}}, and waits for the printer's own answer. Grove only.
func (c *Client) Command(ctx context.Context, serial string, message json.RawMessage) (grove.CommandResult, error) {
	return own[grove.CommandResult](ctx, c, http.MethodPost, printerPath(serial)+"/commands", message)
}

// CommandForPrint is Command for one print alone, as [grove.Live.Expected] has it, or
// a job's: Conflict, and nothing was sent, once the printer is surely at another
// (another_print) or at rest (print_over; a stop or a pause by the job alone is sent then
// all the same). A printer that has not told yet what it is at gets only a stop or a
// pause (printer_silent). The zero print, of which nothing is known, is whichever. Grove only.
func (c *Client) CommandForPrint(ctx context.Context, serial string, message json.RawMessage, meant grove.ExpectedPrint) (grove.CommandResult, error) {
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(message, &whole); err != nil || whole == nil {
		return grove.CommandResult{}, grove.Errorf(grove.Invalid, "malformed_command", `a command is an object such as {"print":{"command":"pause"}}`)
	}
	if meant == (grove.ExpectedPrint{}) {
		return c.Command(ctx, serial, message)
	}
	raw, err := json.Marshal(meant)
	if err != nil {
		return grove.CommandResult{}, err
	}
	whole["expected_print"] = raw
	return own[grove.CommandResult](ctx, c, http.MethodPost, printerPath(serial)+"/commands", whole)
}

// OfferPIN makes a PIN that gives a printer away: whoever claims it within ten
// minutes has it. Grove only.
func (c *Client) OfferPIN(ctx context.Context, serial string) (cloudapi.PrinterPIN, error) {
	return own[cloudapi.PrinterPIN](ctx, c, http.MethodPost, printerPath(serial)+"/pin", nil)
}

// ClaimPIN makes the printer of a PIN the account's own, and says which it is.
func (c *Client) ClaimPIN(ctx context.Context, pin grove.Secret) (serial string, err error) {
	var out cloudapi.Paired
	path := "/v1/user-service/my/pincode/" + url.PathEscape(string(pin))
	err = c.call(ctx, http.MethodPost, path, cloudapi.PincodeRequest{Pincode: pin}, &out)
	return out.DeviceID, err
}

func printerPath(serial string) string {
	return printersPath + "/" + url.PathEscape(serial)
}

// Models are the models of printers with what each can do. Grove only.
func (c *Client) Models(ctx context.Context) ([]cloudapi.PrinterModel, error) {
	return own[[]cloudapi.PrinterModel](ctx, c, http.MethodGet, "/v1/grove-service/models", nil)
}

// Simulate has the server simulate three printers of the account's, and gives their
// serials. For owners and admins. Grove only.
func (c *Client) Simulate(ctx context.Context) ([]string, error) {
	return own[[]string](ctx, c, http.MethodPost, "/v1/grove-service/simulated-printers", nil)
}

// Simulated are the serials of the printers that the server simulates. Grove only.
func (c *Client) Simulated(ctx context.Context) ([]string, error) {
	return own[[]string](ctx, c, http.MethodGet, "/v1/grove-service/simulated-printers", nil)
}

// EndSimulated takes the simulated printers away. Grove only.
func (c *Client) EndSimulated(ctx context.Context) error {
	_, err := own[*cloudapi.Nothing](ctx, c, http.MethodDelete, "/v1/grove-service/simulated-printers", nil)
	return err
}
