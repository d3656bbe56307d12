package cloud

import (
	"context"
	"net/http"
	"strconv"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountBind(rt *rest.Router) {
	const at = iotService + "/user/bind"
	rest.Handle(rt, get(at, tagDevice, "My printers; all of them unless a page is asked for"), f.devices)
	rest.Handle(rt, post(at, tagDevice, "Bind a printer; its device_secret is told this once"), f.bind)
	unbind := op(http.MethodDelete, at, tagDevice, "Give a printer up")
	unbind.About = "The printer is named by `dev_id`, as a query parameter or in a JSON body."
	rest.Handle(rt, unbind, f.unbind)
	rest.Handle(rt, get(iotService+"/user/bind_list", tagDevice, "Who holds these printers"), f.bindList)
}

func (f *face) devices(ctx context.Context, in *struct{ rest.VendorPaging }) (cloudapi.Devices, error) {
	page := in.WantAll()
	list, err := f.Fleet.Printers(ctx, rest.Actor(ctx), page)
	return cloudapi.Devices{
		Envelope: cloudapi.Success(), Devices: devicesOf(list.Items), Total: list.Total,
		Pagination: cloudapi.Pages(list.Total, list.More, page),
	}, err
}

type bindInput struct {
	Body cloudapi.BindRequest
}

func (f *face) bind(ctx context.Context, in *bindInput) (cloudapi.Bound, error) {
	b := in.Body
	if err := rest.Need("device_id", b.DeviceID); err != nil {
		return cloudapi.Bound{}, err
	}
	bound, err := f.Fleet.Bind(ctx, rest.Actor(ctx), fleet.Binding{
		Serial: b.DeviceID, Name: b.DeviceName, Code: string(b.BindCode), Model: b.Model, PlateClear: b.PlateClear,
	})
	device := deviceOf(&grove.Live{Printer: bound.Printer})
	return cloudapi.Bound{
		Envelope: cloudapi.Said("Success"), Devices: []cloudapi.Device{device},
		Data: cloudapi.BoundData{BindID: device.ID, DeviceInfo: device, DeviceSecret: bound.DeviceSecret},
	}, err
}

// unbindInput is both dialects: the query of one client, the body of the slicer.
type unbindInput struct {
	DevID    string `query:"dev_id"`
	DeviceID string `query:"device_id"`
	Body     *cloudapi.UnbindRequest
}

func (f *face) unbind(ctx context.Context, in *unbindInput) (cloudapi.Envelope, error) {
	serial := firstText(in.DevID, in.DeviceID)
	if serial == "" && in.Body != nil {
		serial = in.Body.DeviceID
	}
	if err := rest.Need("dev_id", serial); err != nil {
		return cloudapi.Envelope{}, err
	}
	return cloudapi.Success(), f.Fleet.Unbind(ctx, rest.Actor(ctx), serial)
}

// mostHolders is how many printers bind_list answers for at once.
const mostHolders = 100

func (f *face) bindList(ctx context.Context, in *struct {
	IDs []string `query:"dev_ids"`
},
) (cloudapi.BindList, error) {
	if len(in.IDs) == 0 || len(in.IDs) > mostHolders {
		return cloudapi.BindList{}, grove.Errorf(grove.Invalid, "bad_dev_ids", "dev_ids must name 1 to %d printers, separated by commas", mostHolders)
	}
	out := cloudapi.BindList{Envelope: cloudapi.Success(), BindList: []cloudapi.Holder{}}
	for _, serial := range in.IDs {
		h := cloudapi.Holder{DeviceID: serial}
		if live, err := f.Fleet.Live(ctx, rest.Actor(ctx), serial); err == nil {
			owner, err := f.Access.OwnerOf(ctx, rest.Actor(ctx), live.Printer)
			if err != nil {
				return cloudapi.BindList{}, err
			}
			id := strconv.FormatInt(owner.ID, 10)
			h.UserID, h.UserName = &id, &owner.Name
		}
		out.BindList = append(out.BindList, h)
	}
	return out, nil
}

func devicesOf(printers []grove.Live) []cloudapi.Device {
	out := make([]cloudapi.Device, 0, len(printers))
	for i := range printers {
		out = append(out, deviceOf(&printers[i]))
	}
	return out
}

// deviceOf is a printer as the vendor lists it. The structure is left empty for
// models that are not known.
func deviceOf(p *grove.Live) cloudapi.Device {
	m, _ := bambu.LookupModel(p.Model)
	status := firstText(p.Shadow.State, p.GcodeState)
	online := p.Online || p.Connected
	return cloudapi.Device{
		ID: p.Serial, Name: p.Name, DevName: p.Name, Online: online, DevOnline: online,
		PrintStatus: status, TaskStatus: status, ModelName: p.Model, ProductName: m.Name, Structure: m.Structure,
		AccessCode: p.AccessCode, NozzleDiameter: nozzleDiameter(p.Shadow),
		PrintJob: taskNumber(firstText(p.Shadow.TaskID, p.TaskID)),
	}
}

// taskNumber is a task id as a number; printers repeat ids of others, too, which
// need not be numbers.
func taskNumber(id string) int64 {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// usualNozzle is what printers come with, in millimetres.
const usualNozzle = 0.4

func nozzleDiameter(s grove.Shadow) float64 {
	if s.NozzleDiameter <= 0 {
		return usualNozzle
	}
	return s.NozzleDiameter
}

// firstText is the first text that is not empty.
func firstText(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
