//! Values that look like a Brazilian company's data: names with accents, companies, CNPJ and CPF with valid check digits,
//! CEPs, phones, e-mails and long notes full of what breaks careless programs. All invented.

use super::places::{CITIES, City, STATES};
use super::world::Draw;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Person {
    pub first: &'static str,
    pub last: &'static str,
}

impl Person {
    /// First and last name.
    pub(crate) fn full(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// `ana.lima`: the name without accents and spaces.
    pub(crate) fn login(&self) -> String {
        format!("{}.{}", ascii(self.first), ascii(self.last))
    }

    /// The login at a domain.
    pub(crate) fn email(&self, domain: &str) -> String {
        format!("{}@{domain}", self.login())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Company {
    /// As people call it: `Padaria Aurora`.
    pub name: String,
    /// As registered: `Padaria Aurora Comércio Ltda`.
    pub legal: String,
    /// `padariaaurora.example`: no address of the sandbox is anybody's.
    pub domain: String,
}

impl Draw {
    pub(crate) fn person(&mut self) -> Person {
        Person {
            first: self.pick(&FIRST),
            last: self.pick(&LAST),
        }
    }

    pub(crate) fn company(&mut self) -> Company {
        let (trade, name) = (self.pick(&TRADES), self.pick(&COMPANY_NAMES));
        let called = format!("{trade} {name}");
        let legal = format!("{called} {}", self.pick(&FORMS));
        let domain = format!("{}.example", ascii(&called));
        Company {
            name: called,
            legal,
            domain,
        }
    }

    /// Fourteen digits with valid check digits.
    pub(crate) fn cnpj(&mut self) -> String {
        let mut digits: Vec<u64> = (0..8).map(|_| self.below(10)).collect();
        digits.extend([0, 0, 0, 1]);
        for _ in 0..2 {
            // Weights run 2 to 9 from the right and start again.
            let weighted = digits.iter().rev().zip((2..=9).cycle());
            let rest = weighted.map(|(digit, weight)| digit * weight).sum::<u64>() % 11;
            digits.push(if rest < 2 { 0 } else { 11 - rest });
        }
        joined(&digits)
    }

    /// Eleven digits with valid check digits.
    pub(crate) fn cpf(&mut self) -> String {
        let mut digits: Vec<u64> = (0..9).map(|_| self.below(10)).collect();
        for _ in 0..2 {
            let weighted = digits.iter().rev().zip(2..);
            let rest = weighted.map(|(digit, weight)| digit * weight).sum::<u64>() % 11;
            digits.push(if rest < 2 { 0 } else { 11 - rest });
        }
        joined(&digits)
    }

    /// One of the well-known cities.
    pub(crate) fn city(&mut self) -> &'static City {
        let at = usize::try_from(self.below(CITIES.len() as u64)).unwrap_or(0);
        &CITIES[at]
    }

    /// Eight digits of a postal code of the city, as a number (leading zeros are the caller's).
    pub(crate) fn cep(&mut self, city: &City) -> u64 {
        city.cep * 1000 + self.below(1000)
    }

    /// Area code and number without punctuation: `11987654321`.
    pub(crate) fn phone(&mut self, city: &City) -> String {
        if self.chance(70) {
            format!("{}9{}{}", city.area_code, 6 + self.below(4), self.digits(7))
        } else {
            format!("{}{}{}", city.area_code, 2 + self.below(4), self.digits(7))
        }
    }

    pub(crate) fn street(&mut self) -> String {
        format!("{} {}", self.pick(&STREET_KINDS), self.pick(&STREETS))
    }

    pub(crate) fn district(&mut self) -> &'static str {
        self.pick(&DISTRICTS)
    }

    /// What a salesman types: a few sentences, sometimes with line breaks, quotes, tabs, backslashes and emoji; rarely
    /// thousands of characters. Never longer than `most` characters.
    pub(crate) fn note(&mut self, most: usize) -> String {
        let mut sentences = 1 + self.below(3);
        if self.row == 0 || self.below(200) == 0 {
            sentences = 60;
        }
        let mut note = String::new();
        for _ in 0..sentences {
            if !note.is_empty() {
                note.push_str(self.pick(&BREAKS));
            }
            note.push_str(self.pick(&SENTENCES));
        }
        match note.char_indices().nth(most) {
            Some((end, _)) => note[..end].to_owned(),
            None => note,
        }
    }

    /// A short title of a deal, a task or a visit.
    pub(crate) fn title(&mut self) -> String {
        format!("{} {}", self.pick(&TITLE_VERBS), self.pick(&COMPANY_NAMES))
    }
}

impl City {
    pub(crate) fn state_short(&self) -> &'static str {
        STATES.get(self.state).map_or("", |state| state.short)
    }
}

/// `12345678000190` as `12.345.678/0001-90`.
pub(crate) fn cnpj_dotted(digits: &str) -> String {
    punctuated(digits, "##.###.###/####-##")
}

/// `12345678909` as `123.456.789-09`.
pub(crate) fn cpf_dotted(digits: &str) -> String {
    punctuated(digits, "###.###.###-##")
}

/// `11987654321` as `(11) 98765-4321`, `1133334444` as `(11) 3333-4444`.
pub(crate) fn phone_dotted(digits: &str) -> String {
    let mask = if digits.len() == 11 { "(##) #####-####" } else { "(##) ####-####" };
    punctuated(digits, mask)
}

/// Lower case without accents; what is neither letter nor digit is dropped.
pub(crate) fn ascii(text: &str) -> String {
    let plain = |letter: char| match letter.to_ascii_lowercase() {
        'á' | 'à' | 'â' | 'ã' | 'ä' | 'Á' | 'Â' => Some('a'),
        'é' | 'ê' | 'è' | 'É' | 'Ê' => Some('e'),
        'í' | 'Í' => Some('i'),
        'ó' | 'ô' | 'õ' | 'ö' | 'Ó' | 'Ô' => Some('o'),
        'ú' | 'ü' | 'Ú' => Some('u'),
        'ç' | 'Ç' => Some('c'),
        'ñ' => Some('n'),
        other => other.is_ascii_alphanumeric().then_some(other),
    };
    text.chars().filter_map(plain).collect()
}

fn joined(digits: &[u64]) -> String {
    digits.iter().map(u64::to_string).collect()
}

fn punctuated(digits: &str, mask: &str) -> String {
    let mut digits = digits.chars();
    let place = |sign| if sign == '#' { digits.next() } else { Some(sign) };
    mask.chars().filter_map(place).collect()
}

#[rustfmt::skip]
static FIRST: [&str; 40] = [
    "Ana", "João", "Maria", "José", "Antônio", "Francisca", "Luís", "Márcia", "Patrícia", "Aline", "Sônia", "Sérgio",
    "César", "Débora", "Fábio", "Flávia", "Gonçalo", "Helena", "Inês", "Ítalo", "Júlia", "Kátia", "Letícia", "Lúcio",
    "Mário", "Mônica", "Natália", "Otávio", "Paulo", "Raquel", "Renê", "Simão", "Tânia", "Úrsula", "Valéria", "Vinícius",
    "Wesley", "Yasmin", "Zélia", "Conceição",
];

#[rustfmt::skip]
static LAST: [&str; 32] = [
    "Silva", "Santos", "Oliveira", "Souza", "Lima", "Pereira", "Ferreira", "Costa", "Rodrigues", "Almeida", "Nascimento",
    "Araújo", "Ribeiro", "Carvalho", "Gonçalves", "Magalhães", "Brandão", "Falcão", "Guimarães", "Assunção", "Conceição",
    "Muñoz", "D'Ávila", "de Sá", "dos Anjos", "Antunes", "Müller", "Schneider", "Tanaka", "Queirós", "Mendonça", "Simões",
];

#[rustfmt::skip]
static TRADES: [&str; 24] = [
    "Padaria", "Construtora", "Metalúrgica", "Transportadora", "Farmácia", "Clínica", "Escola", "Distribuidora", "Gráfica",
    "Agropecuária", "Confecções", "Laticínios", "Móveis", "Autopeças", "Consultoria", "Tecnologia", "Supermercado",
    "Laboratório", "Usina", "Cerâmica", "Frigorífico", "Imobiliária", "Papelaria", "Engenharia",
];

#[rustfmt::skip]
static COMPANY_NAMES: [&str; 32] = [
    "Aurora", "São Jorge", "Três Irmãos", "Boa Esperança", "Horizonte", "Ipê Amarelo", "Araucária", "Vale do Aço",
    "Paraíso", "Estrela d'Água", "União", "Nova Era", "Atlântica", "Guarani", "Jequitibá", "Serra Azul", "Campos & Filhos",
    "Irmãos Leão", "Pão de Ouro", "Maré Alta", "Sertão", "Pampa", "Cerrado", "Mantiqueira", "Rio Negro", "Pérola",
    "Bandeirante", "Capixaba", "Primavera", "Sol Nascente", "Açaí & Cia", "Oásis",
];

static FORMS: [&str; 6] = ["Ltda", "S.A.", "ME", "EIRELI", "Comércio Ltda", "Indústria e Comércio S/A"];

static STREET_KINDS: [&str; 6] = ["Rua", "Avenida", "Travessa", "Alameda", "Praça", "Rodovia"];

#[rustfmt::skip]
static STREETS: [&str; 16] = [
    "das Acácias", "Sete de Setembro", "XV de Novembro", "Tiradentes", "São João", "da Consolação", "Getúlio Vargas",
    "das Laranjeiras", "Marechal Deodoro", "Santos Dumont", "do Comércio", "Conselheiro Mafra", "José Bonifácio",
    "Voluntários da Pátria", "Água Branca", "Dom Pedro II",
];

#[rustfmt::skip]
static DISTRICTS: [&str; 12] = [
    "Centro", "Jardim América", "Vila Nova", "Boa Vista", "São José", "Santa Mônica", "Água Verde", "Industrial",
    "Cidade Alta", "Praia do Canto", "Petrópolis", "Tatuapé",
];

#[rustfmt::skip]
static TITLE_VERBS: [&str; 10] = [
    "Renovação", "Proposta", "Visita a", "Ligação para", "Implantação", "Expansão", "Reunião com", "Contrato anual",
    "Demonstração", "Pós-venda",
];

static BREAKS: [&str; 6] = [" ", " ", " ", "\n", "\r\n", "\n\n\t- "];

#[rustfmt::skip]
static SENTENCES: [&str; 16] = [
    "Cliente pediu desconto de 10% à vista.",
    "Disse: \"só fecho em março\".",
    "Prefere contato por WhatsApp 📱 depois das 18h.",
    "Arquivos em C:\\Clientes\\2026\\proposta.pdf.",
    "Não atende 👎🏽; tentar de novo amanhã.",
    "Decisor é o sócio; a secretária filtra as ligações.",
    "Orçamento aprovado: R$ 12.345,67 (doze mil…).",
    "Item\tQtd\tPreço",
    "Reunião remarcada; o diretor está em viagem.",
    "Concorrente ofereceu 3 meses grátis 😬.",
    "É cliente desde 1998, <b>muito fiel</b> & exigente.",
    "Nota fiscal no CNPJ da filial; ver e-mail.",
    "Enviar contrato com cláusula de multa 'padrão'.",
    "Aguardando retorno do jurídico.",
    "ATENÇÃO: boleto vencido há 15 dias!",
    "Família 👨‍👩‍👧‍👦 administra a loja; decisão é coletiva.",
];

#[cfg(test)]
mod tests {
    use super::super::world::World;
    use super::*;

    /// The check digits by the official rule, written the other way round: weights from the left.
    fn check(digits: &str, weights: &[u32]) -> u32 {
        let sum: u32 = digits.chars().zip(weights).map(|(d, w)| d.to_digit(10).unwrap() * w).sum();
        if sum % 11 < 2 { 0 } else { 11 - sum % 11 }
    }

    #[test]
    fn documents_have_valid_check_digits() {
        let world = World::new(1, 10, &[]);
        for row in 0..200 {
            let mut draw = world.draw("t", row);
            let cnpj = draw.cnpj();
            let weights = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
            assert_eq!(check(&cnpj[..12], &weights[1..]).to_string(), cnpj[12..13]);
            assert_eq!(check(&cnpj[..13], &weights).to_string(), cnpj[13..]);
            let cpf = draw.cpf();
            let weights = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2];
            assert_eq!(check(&cpf[..9], &weights[1..]).to_string(), cpf[9..10]);
            assert_eq!(check(&cpf[..10], &weights).to_string(), cpf[10..]);
        }
    }

    #[test]
    fn punctuation() {
        assert_eq!(cnpj_dotted("12345678000190"), "12.345.678/0001-90");
        assert_eq!(cpf_dotted("12345678909"), "123.456.789-09");
        assert_eq!(phone_dotted("11987654321"), "(11) 98765-4321");
        assert_eq!(phone_dotted("1133334444"), "(11) 3333-4444");
        assert_eq!(ascii("Conceição D'Ávila"), "conceicaodavila");
    }

    #[test]
    fn e_mails_are_ascii_and_notes_are_nasty() {
        let world = World::new(1, 10, &[]);
        let mut all = String::new();
        for row in 0..2000 {
            let mut draw = world.draw("t", row);
            let email = draw.person().email(&draw.company().domain);
            assert!(email.is_ascii() && !email.contains(' '), "{email}");
            let note = draw.note(8000);
            assert!(note.chars().count() <= 8000);
            all.push_str(&note);
        }
        for sign in ["\n", "\t", "\"", "\\", "📱", "\r\n"] {
            assert!(all.contains(sign), "{sign:?}");
        }
        assert_eq!(world.draw("t", 0).note(10).chars().count(), 10);
    }
}
