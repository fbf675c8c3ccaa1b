// A fault of each kind that a sanitizer has to find. If one stays unseen, then a clean run of the tests says nothing.
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string_view>
#include <thread>

namespace {

void lose_memory() {
    void* volatile lost = std::malloc(1234);
    std::printf("%p\n", lost);
    lost = nullptr;
}

void read_freed_memory() {
    auto memory = std::make_unique<int volatile[]>(4);
    int const volatile* const kept = memory.get();
    memory.reset();
    std::printf("%d\n", kept[1]);
}

void overflow() {
    int volatile most = std::numeric_limits<int>::max();
    most = most + 1;
    std::printf("%d\n", most);
}

void race() {
    static int volatile counter = 0;
    auto count = [] {
        for (int i = 0; i < 1000; ++i) counter = counter + 1;
    };
    std::thread other(count);
    count();
    other.join();
    std::printf("%d\n", counter);
}

}  // namespace

int main(int count, char** arguments) {
    std::string_view const fault = count > 1 ? arguments[1] : "";
    if (fault == "leak") lose_memory();
    if (fault == "freed") read_freed_memory();
    if (fault == "overflow") overflow();
    if (fault == "race") race();
    return 0;
}
