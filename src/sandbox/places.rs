//! Brazilian places: the 27 states with their IBGE codes and a list of cities with IBGE code, area code, the start of their
//! CEPs and coordinates. Enough of the real list that joins and maps look right; the rest of a cities table is made up.

/// A state: IBGE code, abbreviation, name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    pub ibge: u64,
    pub short: &'static str,
    pub name: &'static str,
}

const fn state(ibge: u64, short: &'static str, name: &'static str) -> State {
    State { ibge, short, name }
}

#[rustfmt::skip]
pub(crate) static STATES: [State; 27] = [
    state(35, "SP", "São Paulo"), state(33, "RJ", "Rio de Janeiro"), state(31, "MG", "Minas Gerais"),
    state(53, "DF", "Distrito Federal"), state(29, "BA", "Bahia"), state(23, "CE", "Ceará"),
    state(41, "PR", "Paraná"), state(13, "AM", "Amazonas"), state(26, "PE", "Pernambuco"),
    state(43, "RS", "Rio Grande do Sul"), state(15, "PA", "Pará"), state(52, "GO", "Goiás"),
    state(21, "MA", "Maranhão"), state(27, "AL", "Alagoas"), state(24, "RN", "Rio Grande do Norte"),
    state(50, "MS", "Mato Grosso do Sul"), state(22, "PI", "Piauí"), state(25, "PB", "Paraíba"),
    state(28, "SE", "Sergipe"), state(51, "MT", "Mato Grosso"), state(42, "SC", "Santa Catarina"),
    state(32, "ES", "Espírito Santo"), state(11, "RO", "Rondônia"), state(16, "AP", "Amapá"),
    state(12, "AC", "Acre"), state(14, "RR", "Roraima"), state(17, "TO", "Tocantins"),
];

/// A city. `state` is its place in [`STATES`]; `cep` the first five digits of its codes; coordinates in ten-thousandths of
/// a degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct City {
    pub name: &'static str,
    pub state: usize,
    pub ibge: u64,
    pub area_code: u64,
    pub cep: u64,
    pub latitude: i64,
    pub longitude: i64,
}

const fn city(name: &'static str, state: usize, ibge: u64, area_code: u64, cep: u64, latitude: i64, longitude: i64) -> City {
    City {
        name,
        state,
        ibge,
        area_code,
        cep,
        latitude,
        longitude,
    }
}

#[rustfmt::skip]
pub(crate) static CITIES: [City; 60] = [
    city("São Paulo", 0, 3550308, 11, 1310, -235505, -466333),
    city("Rio de Janeiro", 1, 3304557, 21, 20040, -229068, -431729),
    city("Belo Horizonte", 2, 3106200, 31, 30130, -199167, -439345),
    city("Brasília", 3, 5300108, 61, 70040, -157942, -478822),
    city("Salvador", 4, 2927408, 71, 40020, -129777, -385016),
    city("Fortaleza", 5, 2304400, 85, 60025, -37319, -385267),
    city("Curitiba", 6, 4106902, 41, 80020, -254290, -492671),
    city("Manaus", 7, 1302603, 92, 69005, -31190, -600217),
    city("Recife", 8, 2611606, 81, 50030, -80476, -348770),
    city("Porto Alegre", 9, 4314902, 51, 90010, -300346, -512177),
    city("Belém", 10, 1501402, 91, 66010, -14558, -485039),
    city("Goiânia", 11, 5208707, 62, 74003, -166869, -492648),
    city("Guarulhos", 0, 3518800, 11, 7010, -234543, -465337),
    city("Campinas", 0, 3509502, 19, 13010, -229056, -470608),
    city("São Luís", 12, 2111300, 98, 65010, -25307, -443068),
    city("São Gonçalo", 1, 3304904, 21, 24440, -228269, -430539),
    city("Maceió", 13, 2704302, 82, 57020, -96498, -357089),
    city("Duque de Caxias", 1, 3301702, 21, 25010, -227858, -433049),
    city("Natal", 14, 2408102, 84, 59010, -57793, -352009),
    city("Campo Grande", 15, 5002704, 67, 79002, -204697, -546201),
    city("Teresina", 16, 2211001, 86, 64000, -50892, -428019),
    city("São Bernardo do Campo", 0, 3548708, 11, 9710, -236914, -465646),
    city("João Pessoa", 17, 2507507, 83, 58010, -71195, -348450),
    city("Santo André", 0, 3547809, 11, 9010, -236639, -465383),
    city("Osasco", 0, 3534401, 11, 6010, -235329, -467917),
    city("Jaboatão dos Guararapes", 8, 2607901, 81, 54310, -81130, -350147),
    city("Ribeirão Preto", 0, 3543402, 16, 14010, -211775, -478103),
    city("Uberlândia", 2, 3170206, 34, 38400, -189186, -482772),
    city("Contagem", 2, 3118601, 31, 32010, -199317, -440536),
    city("Sorocaba", 0, 3552205, 15, 18010, -235015, -474526),
    city("Aracaju", 18, 2800308, 79, 49010, -109472, -370731),
    city("Feira de Santana", 4, 2910800, 75, 44001, -122664, -389663),
    city("Cuiabá", 19, 5103403, 65, 78005, -156014, -560979),
    city("Joinville", 20, 4209102, 47, 89201, -263045, -488487),
    city("Juiz de Fora", 2, 3136702, 32, 36010, -217642, -433496),
    city("Londrina", 6, 4113700, 43, 86010, -233045, -511696),
    city("Florianópolis", 20, 4205407, 48, 88010, -275954, -485480),
    city("Vitória", 21, 3205309, 27, 29010, -203155, -403128),
    city("Porto Velho", 22, 1100205, 69, 76801, -87612, -639004),
    city("Macapá", 23, 1600303, 96, 68900, 349, -510694),
    city("Rio Branco", 24, 1200401, 68, 69900, -99740, -678076),
    city("Boa Vista", 25, 1400100, 95, 69301, 28235, -606758),
    city("Palmas", 26, 1721000, 63, 77001, -101844, -483336),
    city("Caxias do Sul", 9, 4305108, 54, 95010, -291634, -511797),
    city("Blumenau", 20, 4202404, 47, 89010, -269194, -490661),
    city("Maringá", 6, 4115200, 44, 87010, -234205, -519333),
    city("São José dos Campos", 0, 3549904, 12, 12210, -231896, -458841),
    city("Santos", 0, 3548500, 13, 11010, -239608, -463336),
    city("Niterói", 1, 3303302, 21, 24020, -228832, -431034),
    city("Chapecó", 20, 4204202, 49, 89801, -271004, -526152),
    city("Piracicaba", 0, 3538709, 19, 13400, -227253, -476492),
    city("Jundiaí", 0, 3525904, 11, 13201, -231857, -468978),
    city("Bauru", 0, 3506003, 14, 17010, -223147, -490606),
    city("Campina Grande", 17, 2504009, 83, 58400, -72307, -358817),
    city("Caruaru", 8, 2604106, 81, 55002, -82847, -359698),
    city("Petrolina", 8, 2611101, 87, 56302, -93891, -405030),
    city("Pelotas", 9, 4314407, 53, 96010, -317654, -523376),
    city("Anápolis", 11, 5201108, 62, 75020, -163281, -489530),
    city("Montes Claros", 2, 3143302, 38, 39400, -167282, -438578),
    city("Ponta Grossa", 6, 4119905, 42, 84010, -250945, -501633),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_city_lies_in_its_state() {
        for city in &CITIES {
            assert_eq!(city.ibge / 100_000, STATES[city.state].ibge, "{}", city.name);
        }
    }
}
