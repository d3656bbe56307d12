package own

import (
	"context"

	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountModels(rt *rest.Router) {
	models := get("/models", "printers", "The models of printers, and what each can do")
	models.About = "The bounds are those that commands are checked against."
	rest.Handle(rt, models, f.models)
}

func (f *face) models(context.Context, *struct{}) (cloudapi.Data[[]cloudapi.PrinterModel], error) {
	var all []cloudapi.PrinterModel
	for _, m := range bambu.Models() {
		all = append(all, cloudapi.PrinterModel{
			Model: m.Code, Name: m.Name, NozzleMaxCelsius: m.NozzleMax, BedMaxCelsius: m.BedMax, BedMax110VCelsius: m.BedMax110,
			ChamberMinCelsius: m.ChamberMin, ChamberMaxCelsius: m.ChamberMax, ChamberSensor: m.ChamberSensor,
			PartFan: m.PartFan, AuxFan: m.AuxFan, ChamberFan: m.ChamberFan, AirDuct: m.AirDuct, Nozzles: m.Nozzles, AMS: m.AMS, VolumeMM: m.Volume,
		})
	}
	return cloudapi.Of(all), nil
}
